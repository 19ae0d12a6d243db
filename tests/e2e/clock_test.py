"""R16: a real station whose clock jumps, by libfaketime. Only the clock of the wall: nobody can set the other one."""
import glob
import os
import re

import harness

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


class Clock(harness.EndToEnd):
    def jump(self, to):
        path = os.path.join(self.folder, "clock")
        with open(path + ".new", "w") as file:
            file.write(to + "\n")
        os.replace(path + ".new", path)

    def test_R16_a_station_whose_clock_jumps_loses_nobody_and_nothing(self):
        self.assertTrue(LIBRARY, "libfaketime is not installed: ./dev deps test")
        self.jump("+0")
        station = self.station(environment={
            "LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": os.path.join(self.folder, "clock"), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        chat = alice.start("chat", "bobby")
        listener = bobby.start("listen", "--timeout", "120")
        self.assertEqual(harness.checked(listener.stdout.readline())["event"], "connected")
        # By a day, by a second that comes twice, to the ends of the time that 32 bits count, and back.
        for number, to in enumerate(("+0", "+86400", "-86400", "-1", "+0", "@1970-01-02 00:00:00", "@2106-02-07 06:28:20", "+0")):
            self.jump(to)
            chat.stdin.write(f"at {number}\n")
            chat.stdin.flush()
            while (event := harness.checked(listener.stdout.readline()))["event"] != "message":
                pass
            self.assertEqual(event["text"], f"at {number}", to)
        logins = len(re.findall(r"logged in", station.log_text()))
        self.assertIsNone(station.process.poll())
        for program in (chat, listener):
            self.assertIsNone(program.poll(), "its session went on all the time")
            program.kill()
            program.communicate()
        self.assertLessEqual(logins, 4, "nobody had to come again")


if __name__ == "__main__":
    harness.main()
