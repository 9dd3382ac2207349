$! START_SERVER.COM - start the master server and its services
$!
$!	netcontrol @start_server.com [directory [host-name]]
$!
$!	P1	directory of the configuration files: defines MULTINET
$!	P2	this host's address, from which ESTABLISH starts: defines MULTINET_HOST_NAME
$!
$! Site's own definitions go into MULTINET:LOGICALS.COM.  Read from MULTINET:
$!	SERVICES.MASTER_SERVER	the services
$!	IPSEC.CONF		policies and manual SAs, loaded with setkey (may be missing)
$!	PEERS.DAT		peers to prime, "remote [local]" a line (may be missing)
$!	LOCAL_INITIALIZATION.COM	what the site wants done then (may be missing)
$!
$! Logical names are sampled when a service starts: change them, then RESTART the service.
$!
$ IF P1 .NES. "" THEN DEFINE/NOLOG MULTINET "''P1'"
$ IF P2 .NES. "" THEN DEFINE/NOLOG MULTINET_HOST_NAME "''P2'"
$ IF F$SEARCH("MULTINET:LOGICALS.COM") .NES. "" THEN @MULTINET:LOGICALS.COM
$!
$! The server goes into the background when its control socket answers; START waits for the services.
$ multinet_server --daemon
$! A service that does not start is no reason to let go in clear what IPSEC.CONF wants protected.
$ SET NOON
$ NETCONTROL START
$ STARTED = $STATUS
$ SET ON
$!
$! Run again, for instance after something was mended, it loads what has changed.
$ IF F$SEARCH("MULTINET:IPSEC.CONF") .NES. "" THEN setkey --update -f multinet:ipsec.conf
$ IF .NOT. STARTED THEN EXIT 1
$ IF F$SEARCH("MULTINET:PEERS.DAT") .NES. "" THEN PRIME MULTINET:PEERS.DAT
$ IF F$SEARCH("MULTINET:LOCAL_INITIALIZATION.COM") .NES. "" THEN @MULTINET:LOCAL_INITIALIZATION.COM
$ EXIT
