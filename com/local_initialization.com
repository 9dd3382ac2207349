$! LOCAL_INITIALIZATION.COM - what this site wants done when the server starts
$!
$! Copy it to MULTINET: and change it there; START_SERVER.COM runs it, when it is there, after the
$! services have been started.  Lines of documents may stand here as they are printed.
$!
$! Logical names of the system: RACOON samples them when it is next started.
$! $ DEFINE/SYSTEM MULTINET_SVCORDER "local, bind"
$!
$! Programs by name:
$ setkey :== $multinet:setkey
$!
$! A program that goes on in the background:
$! $ SPAWN/NOWAIT spmd -f multinet:racoon2.conf
$!
$! A procedure that is run a minute from now, when everything is up:
$! $ SUBMIT/NOPRINT/AFTER="+0:1:00" MULTINET:START_SPMD.COM
$!
$! All peers of a file at once, a minute from now:
$! $ SUBMIT/NOPRINT/AFTER="+0:1:00"/PARAMETERS=(MULTINET:PEERS.DAT) ESTABLISH_PEERS.COM
$!
$ EXIT
