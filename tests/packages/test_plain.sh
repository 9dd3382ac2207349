#!/bin/bash
# A Debian without systemd as process 1: the packages install, the init script starts and stops the
# server, README's tour works as written, an upgrade keeps the tunnel, and purge leaves nothing.
. tests/packages/lib.sh

machine a plain
machine b plain
wire_tour a b
before=$(files a)
ok "the packages install" install_packages a old
ok "… on the other machine" install_packages b old
ok "the init script starts it" sh_at a '/etc/init.d/multinet-server start'
ok "… and IPSEC" wait_for 20 sh_at a 'netcontrol show | grep -q "^IPSEC *running"'
like "… which tells what RACOON lacks" "$(sh_at a 'netcontrol show racoon')" 'racoon\.conf'
ok "the init script stops it" sh_at a '/etc/init.d/multinet-server stop'
ok "nothing runs" wait_for 5 none_run a
tour_files a b /etc/multinet
tour a b
for verb in status reload restart status; do
	ok "the init script: $verb" sh_at a "/etc/init.d/multinet-server $verb"
done
sh_at a 'setkey -f multinet:ipsec.conf'
upgrade a b
tour_end a b
ok "the init script starts it again" sh_at a '/etc/init.d/multinet-server start'
ok "remove" sh_at a 'apt-get remove -y multinet-server multinet-tools multinet-doc'
ok "nothing runs any longer" wait_for 5 none_run a
ok "what was configured stays" sh_at a 'test -s /etc/multinet/services.master_server && test -s /etc/multinet/psk.txt'
sh_at a 'rm /etc/multinet/racoon.conf /etc/multinet/psk.txt /etc/multinet/ipsec.conf'
ok "purge" sh_at a 'apt-get purge -y multinet-server multinet-tools multinet-doc; apt-get autoremove --purge -y'
is "purge leaves nothing" "$(diff <(echo "$before") <(files a))" ""
fails "the group is gone" sh_at a 'getent group multinet'
finish
