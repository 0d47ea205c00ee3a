"""A receiver on a pty whose sentences come late: late_nmea.py LINK DELAY_S SECONDS.

LINK becomes a symbolic link to the pty. Each half second a burst of RMC, GSV and GGA is sent, DELAY_S after the time that it
states, as a full sky of satellites over a slow line makes it.
"""
import datetime
import os
import pty
import sys
import time
import tty

link, delay, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
master, slave = pty.openpty()
tty.setraw(slave)
os.symlink(os.ttyname(slave), link)
os.set_blocking(master, False)


def sentence(body):
    check = 0
    for letter in body:
        check ^= ord(letter)
    return f"${body}*{check:02X}\r\n".encode()


end = time.monotonic() + seconds
while time.monotonic() < end:
    now = time.time() - delay
    stated = (int(now * 2) + 1) / 2
    time.sleep(stated - now)
    at = datetime.datetime.fromtimestamp(stated, datetime.timezone.utc)
    clock, date = at.strftime("%H%M%S.") + f"{at.microsecond // 10000:02}", at.strftime("%d%m%y")
    burst = sentence(f"GNRMC,{clock},A,4936.6960,N,00607.9140,E,0.0,0.0,{date},,,A")
    burst += sentence("GPGSV,1,1,02,01,40,083,46,02,17,308,41")
    burst += sentence(f"GNGGA,{clock},4936.6960,N,00607.9140,E,1,12,0.8,300.0,M,47.0,M,,")
    try:
        os.write(master, burst)
    except BlockingIOError:
        pass
