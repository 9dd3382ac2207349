$ whose = "my"
$ write sys$output "hello ''P1', this is ''whose' """" text"
