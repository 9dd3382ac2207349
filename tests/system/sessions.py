#!/usr/bin/python3
"""sessions.py SOCKET PID - sessions by the thousand against a master server.  TAP.

10,000 sessions opened and closed; 1,000 idle ones and 100 that ask and do not read beside one that
measures; lines of every size, NUL, CR, octet by octet, random octets.
"""
import os
import random
import socket
import sys
import time

path, pid = sys.argv[1], sys.argv[2]


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(15)
    s.connect(path)
    return s


def read_all(s):
    out = b''
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return out, True
            out += part
    except (ConnectionResetError, BrokenPipeError):
        return out, True
    except socket.timeout:
        return out, False


def ask(s, line):
    """The answer to one request: lines up to the one whose code is followed by a blank."""
    s.sendall(line)
    out = b''
    while not (out.endswith(b'\n') and out[:-1].split(b'\n')[-1][3:4] == b' '):
        part = s.recv(65536)
        if not part:
            break
        out += part
    return out


def descriptors():
    return len(os.listdir('/proc/%s/fd' % pid))


def ok(good, what, detail=''):
    print('%s - sessions: %s' % ('ok' if good else 'not ok', what))
    if not good and detail:
        print('# %s' % detail)
    sys.stdout.flush()


def settled(wanted):
    for _ in range(100):
        if descriptors() <= wanted:
            return True
        time.sleep(0.05)
    return False


before = descriptors()
bad = 0
for i in range(10000):
    s = connect()
    if i % 3 == 0 and not ask(s, b'NOOP\n').startswith(b'200 '):
        bad += 1
    elif i % 3 == 1:
        s.sendall(b'ECHO WAIT 60000\n')  # cancelled by closing
    s.close()
ok(bad == 0 and settled(before), '10,000 opened and closed leave the descriptors as they were',
   '%d unanswered, %d descriptors, %d before' % (bad, descriptors(), before))



def percentile(me):
    """The 99th of a thousand NOOPs in milliseconds, one after the other."""
    global bad
    times = []
    for _ in range(1000):
        start = time.monotonic()
        if not ask(me, b'NOOP\n').startswith(b'200 '):
            bad += 1
        times.append(time.monotonic() - start)
    times.sort()
    return times[989] * 1000


me = connect()
alone = percentile(me)
idle = [connect() for _ in range(1000)]
slow = [connect() for _ in range(100)]
for s in slow:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(b'ECHO FLOOD 20000\n' * 3)
time.sleep(0.5)
among = percentile(me)
limit = float(os.environ.get('SESSIONS_P99_MS', '10'))
ok(bad == 0 and among - alone <= limit, '1,000 idle and 100 slow readers delay nobody',
   '99th percentile %.2f ms, %.2f ms alone, %d unanswered' % (among, alone, bad))
for s in idle + slow:
    s.close()
me.close()
ok(settled(before), 'their descriptors are gone', '%d, %d before' % (descriptors(), before))


def exchange(octets, step=0):
    """What comes back for these octets, the sending side closed behind them."""
    s = connect()
    try:
        if step:
            for i in range(0, len(octets), step):
                s.sendall(octets[i:i + step])
        else:
            s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError, OSError):
        pass
    out, closed = read_all(s)
    s.close()
    return out, closed


def well_formed(out):
    if out and not out.endswith(b'\n'):
        return False
    return all(len(l) >= 4 and l[:3].isdigit() and l[3:4] in b'- ' for l in out.split(b'\n')[:-1])


def case(what, octets, wanted, step=0):
    out, closed = exchange(octets, step)
    good = closed and well_formed(out) and \
        [l[:3] for l in out.split(b'\n') if l[3:4] == b' '] == wanted
    ok(good, what, repr(out[:300]))


case('a line of 0 octets asks nothing', b'\n', [])
case('1 octet: ambiguous', b'N\n', [b'503'])
case('4096 octets', b'NOOP' + b' ' * 4092 + b'\n', [b'200'])
case('4096 octets and CRLF', b'NOOP' + b' ' * 4092 + b'\r\n', [b'200'])
case('4097 octets: told, and ended', b'NOOP\nNOOP' + b' ' * 4093 + b'\nNOOP\n', [b'200', b'501'])
case('2^21 octets: told, and ended', b'x' * (1 << 21), [b'501'])
case('NUL: told, and ended', b'NOOP\nNO\0OP\nNOOP\n', [b'200', b'500'])
case('CR alone', b'\r', [])
case('CR inside', b'NO\rOP\n', [b'500'])
case('octet by octet', b'NOOP\r\nVERSION\r\nNOOP\r\n', [b'200', b'200', b'200'], 1)
case('a last line without its end', b'NOOP\nNOOP', [b'200', b'200'])
random.seed(1)
bad = []
for i in range(300):
    n = random.choice((1, 10, 100, 5000))
    out, closed = exchange(bytes(random.randrange(256) for _ in range(n)))
    if not closed or not well_formed(out):
        bad.append(out[:80])
ok(not bad, 'random octets: clean answers, clean ends', repr(bad[:3]))
ok(settled(before), 'no descriptor is left behind', '%d, %d before' % (descriptors(), before))
