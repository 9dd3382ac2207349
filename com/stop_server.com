$! STOP_SERVER.COM - stop the services in order, then the master server
$!
$!	netcontrol @stop_server.com
$!
$! Services that come after others are stopped before them: RACOON tells its peers and removes its SAs
$! while IPSEC still runs.  The answer comes when everything is down.
$!
$ NETCONTROL SHUTDOWN
$ EXIT
