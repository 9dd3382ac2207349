$! flow.com - blocks, labels, ON ERROR; what it prints is in flow.out
$ n = 0
$ loop:
$   n = n + 1
$   if n .gt. 3 then goto done
$   if n .eq. 2
$   then
$     write sys$output "two: ''n'"
$   else
$     write sys$output "other: ''n'"
$     if 1 .eq. 2 then write sys$output "never"
$   endif
$ goto loop
$ done:
$ on error then goto failed
$ nonsense zzz
$ write sys$output "not reached"
$ failed: saved = $status
$ write sys$output "status ", saved, ", ''saved'"
$ if .not. saved then write sys$output "it failed"
$ on error then continue
$ nonsense
$ write sys$output f$element(1, ",", "a,b,c")
$ word = f$element(1, ",", "a,b,c") + "!"
$ write sys$output "''word'"
$ set noon
$ nonsense
$ if $severity .ne. 1 then exit 6
$ write sys$output "not reached"
