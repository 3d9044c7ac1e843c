"""M/M/5 in SimPy: the queueing model of the bench with five sets. Prints nanoseconds of CPU time per event and the mean response."""
import random
import sys
import time

import simpy

COUNT, RATE, SERVICE, SETS = int(sys.argv[1]), 60.0, 0.050, 5


def task(env, sets, chance, responses):
    ready = env.now
    with sets.request() as turn:
        yield turn
        yield env.timeout(chance.expovariate(1.0 / SERVICE))
    responses.append(env.now - ready)


def source(env, sets, chance, responses):
    for _ in range(COUNT):
        yield env.timeout(chance.expovariate(RATE))
        env.process(task(env, sets, chance, responses))


env, chance, responses = simpy.Environment(), random.Random(int(sys.argv[2])), []
sets = simpy.Resource(env, SETS)
env.process(source(env, sets, chance, responses))
started = time.process_time()
env.run()
seconds = time.process_time() - started
print(seconds / (2 * COUNT) * 1e9, sum(responses) / len(responses))
