$! START_RACOON.COM - check the configuration of RACOON, and start the service
$!
$!	netcontrol @start_racoon.com [directory [host-name]]
$!
$!	P1	directory of the configuration files: defines MULTINET
$!	P2	this host's address, from which ESTABLISH starts: defines MULTINET_HOST_NAME
$!
$! The master server must run: START_SERVER.COM starts it.  While it runs, logical names of the
$! system are its own; RACOON samples them when it starts.  With an error in RACOON.CONF nothing is
$! started or stopped.
$!
$ IF P1 .NES. "" THEN DEFINE/NOLOG MULTINET "''P1'"
$ IF P1 .NES. "" THEN DEFINE/SYSTEM/NOLOG MULTINET "''P1'"
$ IF P2 .NES. "" THEN DEFINE/SYSTEM/NOLOG MULTINET_HOST_NAME "''P2'"
$ IF F$SEARCH("MULTINET:RACOON.CONF") .EQS. ""
$ THEN
$   WRITE SYS$OUTPUT "There is no MULTINET:RACOON.CONF"
$   EXIT 1
$ ENDIF
$ racoon -t -f multinet:racoon.conf
$!
$! IPSEC.CONF holds the policies: they are wanted before the first packet.
$ IF F$SEARCH("MULTINET:IPSEC.CONF") .NES. "" THEN setkey -f multinet:ipsec.conf
$!
$! Without a dollar sign: the service, not the program of that name.
RACOON START
$ EXIT
