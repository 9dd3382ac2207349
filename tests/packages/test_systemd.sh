#!/bin/bash
# Debian booted with systemd: sockets and service, README's tour, the journal's fields, reload, restart,
# watchdog, kill, socket activation, what the sandbox must let through, a boot, upgrade, purge.
. tests/packages/lib.sh

machine a init
machine b init
wire_tour a b
before=$(files a)
ok "the packages install" install_packages a old
ok "… on the other machine" install_packages b old
running() { at "$1" systemctl is-active multinet-server.service; }
property() { at "$1" systemctl show -P "$2" "${3:-multinet-server.service}"; }
is "the service runs" "$(running a)" active
is "both sockets listen" "$(at a systemctl list-sockets --no-legend | grep -c 'run/multinet/netcontrol.*sock')" 2
like "the manager is told how it is" "$(property a StatusText)" 'services'
is "no unit has failed" "$(at a systemctl --failed --no-legend | grep -c .)" 0
like "SHOW tells what RACOON lacks" "$(sh_at a 'netcontrol show racoon')" 'racoon\.conf'
tour_files a b /etc/multinet
tour a b

# ---- the journal
peer=$(sh_at a 'journalctl -b -o json MULTINET_PEER=192.168.2.100 -n 1 --no-pager')
like "a line about a peer has it as a field" "$peer" '"SYSLOG_IDENTIFIER":"racoon"'
like "… and a priority" "$peer" '"PRIORITY":"[0-7]"'
like "lines belong to the unit" "$(sh_at a 'journalctl -u multinet-server -t racoon -n 3 --no-pager')" 'racoon\['
is "none above notice without cause" "$(sh_at a 'journalctl -b -u multinet-server -p crit -o cat --no-pager -q')" ""

# ---- reload, restart
ok "systemctl reload" at a systemctl reload multinet-server
sh_at a 'echo "service X { program" >>/etc/multinet/services.master_server'
fails "… of a file with an error" at a systemctl reload multinet-server
like "… says where" "$(sh_at a 'journalctl -u multinet-server -n 20 -o cat --no-pager')" 'services\.master_server:[0-9]+:[0-9]+'
sh_at a 'sed -i \$d /etc/multinet/services.master_server'
pid=$(property a MainPID)
sas=$(spis a)
ok "NETCONTROL RESTART" sh_at a 'netcontrol netcontrol restart'
ok "… answers again" wait_for 10 sh_at a 'netcontrol netcontrol noop'
is "… is the same process to systemd" "$(property a MainPID) $(property a ActiveState)" "$pid active"
is "… and the SAs are" "$(spis a)" "$sas"
like "the readers' socket answers" "$(sh_at a 'netcontrol -t 5 -s /run/multinet/netcontrol-reader.sock show')" '^RACOON'
fails "… and lets them only look" sh_at a 'netcontrol -t 5 -s /run/multinet/netcontrol-reader.sock racoon flush'

# ---- whoever is not in the group; a member
sh_at a 'useradd -m op1; useradd -m -G multinet op2'
as() { sh_at a "setpriv --reuid $1 --regid $1 --init-groups $2"; }
out=$(as op1 'netcontrol racoon flush')
is "who is not in the group gets status 4" $? 4
like "… and is told" "$out" 'NETCTL-E-NOTPERM'
like "… which is written down" "$(sh_at a 'journalctl -u multinet-server -o cat --no-pager -n 20')" "uid $(at a id -u op1): .*NETCTL-E-NOTPERM"
ok "a member may" as op2 'netcontrol racoon show'

# ---- what the sandbox must let through
like "the sandbox is there" "$(at a systemd-analyze security --no-pager multinet-server | tail -n 1)" 'Overall exposure level'
sh_at a 'mkdir -p /etc/racoon /home/op1/certs; install -m 755 /dev/stdin /etc/racoon/up.sh <<-"END"
	#!/bin/sh
	set -x
	exec >/tmp/hook.out 2>&1
	touch /var/lib/multinet/hook.state /root/hook.root
	cp /etc/resolv.conf /etc/resolv.conf.bak && echo "nameserver 192.0.2.53" >/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf.hook
	ip link add hook0 type dummy; ip addr add 10.99.0.1/32 dev lo && ip route add 10.98.0.0/16 dev lo
	setkey -DP >/dev/null && echo policies
	touch /usr/hook && echo usr
	env; date
	END'
cp tests/pki/gw1.pem tests/pki/root.pem "$WORK/machine/a/root/home/op1/certs/"
cp tests/pki/gw1.key "$WORK/machine/a/root/home/op1/certs/"
sh_at a 'chown -R root: /home/op1/certs; chmod 600 /home/op1/certs/gw1.key
	sed -i "s,^path pre.*,&\npath backupsa \"/var/lib/multinet/backup.sa\";\npath certificate \"/home/op1/certs\";," /etc/multinet/racoon.conf
	sed -i "s,exchange_mode main;,&\n script \"/etc/racoon/up.sh\" phase1_up;," /etc/multinet/racoon.conf
	printf "remote 192.168.9.9 { exchange_mode main; my_identifier asn1dn; certificate_type x509 \"gw1.pem\" \"gw1.key\"; proposal { encryption_algorithm aes; hash_algorithm sha1; authentication_method rsasig; dh_group modp2048; } }\n" >>/etc/multinet/racoon.conf'
sh_at a 'netcontrol racoon flush' >/dev/null
ok "racoon with a script, certificates from a home, backupsa" sh_at a 'netcontrol racoon restart'
ok "CAPTURE into /tmp" sh_at a 'netcontrol racoon capture /tmp/x.pcap'
ok "a tunnel" sh_at a 'netcontrol racoon establish 192.168.2.100 /child'
ok "… that is used" sh_at a 'ping -c 2 -i 0.3 -W 8 -I 172.16.1.1 172.16.2.1'
ok "CAPTURE ends" sh_at a 'netcontrol racoon capture off'
ok "… and is where the operator looks" sh_at a 'test -s /tmp/x.pcap && test -s /tmp/x.pcap.keys'
ok "CAPTURE into root's home" sh_at a 'netcontrol racoon capture /root/y.pcap && netcontrol racoon capture off && test -s /root/y.pcap'
ok "the script ran to its end" wait_for 10 sh_at a 'grep -q "^REMOTE_ADDR=192.168.2.100" /tmp/hook.out'
hook=$(sh_at a 'cat /tmp/hook.out')
ok "… has its state, and files of root's" sh_at a 'test -e /var/lib/multinet/hook.state && test -e /root/hook.root'
ok "… may write in /etc as such scripts do" sh_at a 'test -s /etc/resolv.conf.hook'
ok "… adds addresses and routes" sh_at a 'ip route | grep -q 10.98.0.0/16 && ip addr | grep -q 10.99.0.1'
like "… and may use setkey" "$hook" '^policies'
like "… but not write in /usr" "$hook" '/usr/hook.*Read-only'
ok "backupsa is written" sh_at a 'test -s /var/lib/multinet/backup.sa'
ok "the certificate was read" sh_at a 'racoon -t -f multinet:racoon.conf'

# ---- with privsep, the worker as somebody else
sh_at a 'echo "privsep { user \"nobody\"; }" >>/etc/multinet/racoon.conf; rm -f /tmp/hook.out'
ok "racoon with privsep" sh_at a 'netcontrol racoon restart'
ok "… has its tunnel" wait_for 20 sh_at a 'ping -c 1 -W 3 -I 172.16.1.1 172.16.2.1 && setkey -D | grep -q mature'
is "… with a worker and a privileged process" "$(sh_at a 'ps -e -o user=,comm=' | awk '$2 == "racoon" { print $1 }' | sort | tr '\n' ' ')" 'nobody root '
ok "… and runs its script" wait_for 10 sh_at a 'grep -q "^REMOTE_ADDR=192.168.2.100" /tmp/hook.out'
sh_at a 'sed -i "/^privsep/d" /etc/multinet/racoon.conf; netcontrol racoon restart' >/dev/null

# ---- killed, hung, stopped
pid=$(property a MainPID)
at a kill -9 "$pid"
another() { local now; now=$(property a MainPID); [ "$now" != "$pid" ] && [ "$now" != 0 ] && sh_at a 'netcontrol netcontrol noop'; }
ok "killed, it is started again" wait_for 30 another
ok "… and traffic flows" wait_for 30 sh_at a 'ping -c 1 -W 2 -I 172.16.1.1 172.16.2.1 && setkey -D | grep -q mature'
is "… with its policies" "$(sh_at a 'setkey -DP' | grep -c 'esp/tunnel')" 3
sh_at a 'mkdir -p /etc/systemd/system/multinet-server.service.d; printf "[Service]\nWatchdogSec=3\n" >/etc/systemd/system/multinet-server.service.d/soon.conf
	systemctl daemon-reload; systemctl restart multinet-server'
ok "restarted by systemd it answers" wait_for 20 sh_at a 'netcontrol netcontrol noop'
ok "… and has its policies again" wait_for 20 sh_at a 'setkey -DP | grep -q esp/tunnel'
pid=$(property a MainPID)
sleep 5 # longer than the watchdog's time: it must be fed meanwhile
is "the watchdog is fed" "$(property a MainPID)" "$pid"
at a kill -STOP "$pid"
ok "a server that hangs is replaced" wait_for 40 another
like "… for that reason" "$(sh_at a 'journalctl -u multinet-server --no-pager -n 50')" 'Watchdog timeout'
ok "systemctl stop" at a systemctl stop multinet-server.service
ok "nothing runs" wait_for 5 none_run a
like "whoever asks starts it" "$(sh_at a 'netcontrol netcontrol version')" 'version'
ok "… with its policies" wait_for 20 sh_at a 'setkey -DP | grep -q esp/tunnel'

# ---- a boot
at a systemctl --no-block --force reboot
down() { ! kill -0 "${NSPAWN[a]}" 2>/dev/null; }
ok "it goes down" wait_for 60 down
machine_start a init
ok "after a boot it runs" wait_for 30 running a
ok "… and packets are protected" wait_for 30 sh_at a 'setkey -DP | grep -q esp/tunnel'
ok "… by a tunnel" wait_for 30 sh_at a 'ping -c 1 -W 3 -I 172.16.1.1 172.16.2.1 && setkey -D | grep -q mature'

upgrade a b
is "the upgrade left the process" "$(running a)" active
is "no unit has failed" "$(at a systemctl --failed --no-legend)" ""
tour_end a b
ok "remove" sh_at a 'apt-get remove -y multinet-server multinet-tools multinet-doc'
ok "nothing runs any longer" wait_for 5 none_run a
is "no socket is left" "$(at a systemctl list-sockets --no-legend | grep -c multinet)" 0
sh_at a 'userdel -r op1; userdel -r op2; rm -rf /etc/systemd/system/multinet-server.service.d /etc/racoon /etc/resolv.conf.bak /etc/resolv.conf.hook /root/hook.root /root/y.pcap* /etc/multinet/racoon.conf /etc/multinet/psk.txt /etc/multinet/ipsec.conf'
ok "purge" sh_at a 'apt-get purge -y multinet-server multinet-tools multinet-doc; apt-get autoremove --purge -y'
is "purge leaves nothing" "$(diff <(echo "$before") <(files a) | grep -vE '/(passwd|group|shadow|gshadow|subuid|subgid)-$|^[0-9,]+[acd][0-9,]+$')" ""
finish
