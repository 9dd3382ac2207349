$! params.com - parameters, continuation, comments, quotes
$ echo echo "''P1'" -
  two  ! not this
echo echo 'P2'   ! nor "this"
$ exit
nonsense
