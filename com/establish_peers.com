$! ESTABLISH_PEERS.COM - ESTABLISH with every peer of a file, several at a time
$!
$!	netcontrol @establish_peers.com [file [parallel [timeout [service]]]]
$!
$!	P1	the peers, "remote [local]" a line (MULTINET:PEERS.DAT)
$!	P2	how many at a time, 1 to 64 (16)
$!	P3	how many seconds each may take (60)
$!	P4	the service (RACOON)
$!
$! Each peer's result is told as it comes, then a summary.  The exit status is 0 when all were
$! established, 1 when one was not, 2 when a parameter is wrong, 3 when no server answers.
$!
$ FILE = "MULTINET:PEERS.DAT"
$ PARALLEL = 16
$ TIMEOUT = 60
$ SERVICE = "RACOON"
$ IF P1 .NES. "" THEN FILE = P1
$ IF P2 .NES. "" THEN PARALLEL = P2
$ IF P3 .NES. "" THEN TIMEOUT = P3
$ IF P4 .NES. "" THEN SERVICE = P4
$ IF F$SEARCH(FILE) .EQS. ""
$ THEN
$   WRITE SYS$OUTPUT "There is no ", FILE
$   EXIT 1
$ ENDIF
$ PRIME "''FILE'" /PARALLEL='PARALLEL'/TIMEOUT='TIMEOUT'/SERVICE='SERVICE'
$ EXIT
