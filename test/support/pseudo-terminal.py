# Runs a program in a pseudo terminal: pseudo-terminal.py COLUMNS STEPS COMMAND…
# STEPS is JSON, [[text to wait for, keys to press] …]. Prints all that the terminal got, and exits as the program.
import fcntl, json, os, pty, struct, sys, termios

columns, steps, command = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    os.execvp(command[0], command)

seen, position = b"", 0
while True:
    if steps:
        found = seen.find(steps[0][0].encode(), position)
        if found >= 0:
            position = found + len(steps[0][0].encode())
            os.write(terminal, steps.pop(0)[1].encode())
            continue
    try:
        more = os.read(terminal, 65536)
    except OSError:  # the program has closed its side
        break
    if not more:
        break
    seen += more

sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)
