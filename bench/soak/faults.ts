import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../test/randomised/random.ts'
import type { TcpProxy } from '../../test/support/tcp-proxy.ts'
import type { SoakDatabase } from './database.ts'
import type { ServiceProcess } from './service-process.ts'

/** One service with its database and the network in between. */
export interface Site {
  readonly service: ServiceProcess
  readonly database: SoakDatabase
  readonly proxy: TcpProxy
}

interface Fault {
  readonly name: string
  readonly weight: number
  /** Whether it ends sessions, so that findings of killed sessions are right. */
  readonly ends: boolean
  strike(sites: readonly Site[], random: Random): Promise<void>
}

/** What a network, a server, an administrator and a busy event loop do. None lasts longer than four seconds. */
const faults: readonly Fault[] = [
  {
    name: 'slow network',
    weight: 3,
    ends: false,
    async strike(sites, random) {
      for (const { proxy } of sites) proxy.delayResponses(5 + random.below(95))
      await sleep(2_000)
      for (const { proxy } of sites) proxy.delayResponses(0)
    },
  },
  {
    name: 'split packets',
    weight: 1,
    ends: false,
    async strike(sites) {
      for (const { proxy } of sites) proxy.splitPackets()
      await sleep(2_000)
      for (const { proxy } of sites) proxy.splitPackets(false)
    },
  },
  {
    name: 'cut connections',
    weight: 2,
    ends: true,
    async strike(sites) {
      for (const { proxy } of sites) proxy.cut()
    },
  },
  {
    name: 'reset connections',
    weight: 2,
    ends: true,
    async strike(sites) {
      for (const { proxy } of sites) proxy.reset()
    },
  },
  {
    name: 'silent network',
    weight: 2,
    ends: false,
    async strike(sites, random) {
      for (const { proxy } of sites) proxy.freeze()
      await sleep(500 + random.below(2_000))
      for (const { proxy } of sites) proxy.thaw()
    },
  },
  {
    name: 'black hole',
    weight: 1,
    ends: true,
    async strike(sites) {
      for (const { proxy } of sites) proxy.freeze()
      await sleep(2_000)
      for (const { proxy } of sites) {
        proxy.cut()
        proxy.thaw()
      }
    },
  },
  {
    name: 'killed sessions',
    weight: 3,
    ends: true,
    async strike(sites, random) {
      for (const { database } of sites) {
        const sessions = await database.sessions()
        for (const pid of sessions.filter(() => random.chance(0.3))) await database.terminate(pid)
      }
    },
  },
  {
    name: 'stopped session',
    weight: 2,
    ends: false,
    async strike(sites, random) {
      const stopped: number[] = []
      for (const { database } of sites) {
        const sessions = await database.sessions()
        if (sessions.length > 0) stopped.push(random.pick(sessions))
      }
      for (const pid of stopped) signal(pid, 'SIGSTOP')
      await sleep(500 + random.below(1_500))
      for (const pid of stopped) signal(pid, 'SIGCONT')
    },
  },
  {
    name: 'server restart',
    weight: 1,
    ends: true,
    async strike(sites) {
      // The server ends all sessions and starts again when one of its processes crashes.
      const [pid] = (await sites[0]?.database.sessions()) ?? []
      if (pid !== undefined) signal(pid, 'SIGKILL')
      await sleep(2_000)
    },
  },
  {
    name: 'stalled event loop',
    weight: 2,
    ends: false,
    async strike(sites, random) {
      const millis = 200 + random.below(600)
      for (const { service } of sites) service.send({ type: 'stall', millis })
      await sleep(millis)
    },
  },
  {
    name: 'no free connections',
    weight: 1,
    ends: true,
    async strike(sites) {
      for (const { database } of sites) {
        await database.limitConnections(1)
        for (const pid of (await database.sessions()).slice(0, 3)) await database.terminate(pid)
      }
      await sleep(1_500)
      for (const { database } of sites) await database.limitConnections(-1)
    },
  },
]

/** How long after a fault that ends sessions their owners may still find them ended. */
const aftermathMillis = 10_000

/** Strikes with one fault after the other until it is stopped. */
export class Faults {
  readonly counts = new Map<string, number>()
  current = ''
  readonly #over: Promise<void>
  #isStopped = false
  #endedSessionsAt = Number.NEGATIVE_INFINITY

  constructor(sites: readonly Site[], random: Random) {
    this.#over = this.#strike(sites, random)
  }

  /** Whether a fault has ended sessions a moment ago. */
  get mayHaveEndedSessions(): boolean {
    return performance.now() - this.#endedSessionsAt < aftermathMillis
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#over
  }

  async #strike(sites: readonly Site[], random: Random): Promise<void> {
    while (!this.#isStopped) {
      await sleep(2_000 + random.below(6_000))
      if (this.#isStopped) return
      const fault = random.pickWeighted(faults)
      this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1)
      this.current = fault.name
      if (fault.ends) this.#endedSessionsAt = performance.now()
      await fault.strike(sites, random)
      if (fault.ends) this.#endedSessionsAt = performance.now()
      this.current = ''
    }
  }
}

/** Only to a session of a PostgreSQL on this machine: its id may belong to another process by now. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres:')) process.kill(pid, name)
  } catch {}
}
