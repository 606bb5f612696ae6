# subprocess, os.fork and multiprocessing.
import multiprocessing as mp
import os
import signal
import subprocess


def square(x):
    return x * x


def put(q, v):
    q.put(v)


def locked(lock, value):
    for _ in range(500):
        with lock:
            value.value += 1


if __name__ == "__main__":
    print(subprocess.run(["/bin/echo", "hi"], capture_output=True).stdout)
    print(subprocess.check_output("echo a b c | wc -w", shell=True))
    print(subprocess.run(["cat"], input=b"x" * 200000, capture_output=True).stdout == b"x" * 200000)
    p = subprocess.Popen(["sleep", "60"])
    p.send_signal(signal.SIGTERM)
    print(p.wait())
    try:
        subprocess.run(["/nowhere"])
    except FileNotFoundError as e:
        print(e)
    try:
        subprocess.run(["sleep", "60"], timeout=0.1)
    except subprocess.TimeoutExpired:
        print("timeout")
    with mp.Pool(3) as pool:
        print(pool.map(square, range(20)))
    q = mp.Queue()
    child = mp.Process(target=put, args=(q, 5))
    child.start()
    print(q.get())
    child.join()
    print(child.exitcode)
    lock, value = mp.Lock(), mp.Value("i", 0, lock=False)
    children = [mp.Process(target=locked, args=(lock, value)) for _ in range(4)]
    for c in children:
        c.start()
    for c in children:
        c.join()
    print(value.value)
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
