import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finding, type FindingKind, findingKinds } from 'pg-lifeguard'
import type { Random } from '../../test/randomised/random.ts'
import type { Faults, Site } from './faults.ts'
import { limits, type Report } from './protocol.ts'

/** The most leaks at the same time that hold a client of the pool with the traffic. */
const mostOnMain = 3

/** The pool that a leak has to itself: two at once would change each other. */
const ownPool: Partial<Record<FindingKind, 'side' | 'tiny'>> = {
  'dirty-release': 'side',
  'busy-release': 'side',
  'double-release': 'side',
  'use-after-release': 'side',
  'session-state': 'side',
  'pool-deadlock': 'side',
  'nested-acquire': 'tiny',
  'pool-exhausted': 'tiny',
}

/** How long a leak of a kind may go unnoticed, beyond any stall and fault. */
const patienceMillis = 15_000 + Math.max(limits.holdMillis, limits.transactionMillis)

/** How long its code may take to end once it has been found. */
const endMillis = 40_000

export type Verdict =
  | 'found'
  | 'not found'
  | 'found more than once'
  | 'wrong line'
  | 'wrong route'
  | 'not remedied'
  /** The code went on when the leak had been found, and still waits for something. */
  | 'never ended'
  /** A fault got in the way before there was a leak, or ended its session before it was one. */
  | 'ended by a fault'

interface Injection {
  readonly id: string
  readonly kind: FindingKind
  readonly findings: Finding[]
  isRemedied: boolean
  isLost: boolean
  isMade: boolean
  failure?: string
  verdict?: Verdict
  /** Resolves when its finding is there, or nothing can come any more. */
  readonly settled: Promise<void>
  settle(): void
}

/** A finding, or its lack, that is a fault of the lifeguard. */
export interface Mistake {
  readonly mode: string
  readonly what: string
  readonly finding?: Finding
}

/** Injects leaks of all kinds into a service, and holds what is found against them. */
export class Injections {
  readonly verdicts = new Map<FindingKind, Map<Verdict, number>>()
  readonly mistakes: Mistake[] = []
  /** Sessions of correct owners that faults have ended. */
  killedSessions = 0
  readonly openFindings = new Set<string>()
  readonly #site: Site
  readonly #faults: Faults
  readonly #random: Random
  readonly #known = new Map<string, Injection>()
  readonly #running = new Set<Injection>()
  readonly #over: Promise<void>
  #isStopped = false
  #count = 0

  constructor(site: Site, faults: Faults, random: Random) {
    this.#site = site
    this.#faults = faults
    this.#random = random
    site.service.on((report) => this.#hear(report))
    this.#over = this.#inject()
  }

  count(verdict: Verdict): number {
    return [...this.verdicts.values()].reduce((sum, counts) => sum + (counts.get(verdict) ?? 0), 0)
  }

  get injected(): number {
    return this.#count
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#over
  }

  async #inject(): Promise<void> {
    const work = new Set<Promise<void>>()
    let turn: FindingKind[] = []
    while (!this.#isStopped) {
      if (turn.length === 0) turn = [...findingKinds]
      const possible = turn.filter((kind) => this.#hasRoom(kind))
      if (possible.length > 0) {
        const kind = this.#random.pick(possible)
        turn = turn.filter((other) => other !== kind)
        const made = this.#make(kind).finally(() => work.delete(made))
        work.add(made)
      }
      await sleep(200 + this.#random.below(800))
    }
    await Promise.all(work)
  }

  #hasRoom(kind: FindingKind): boolean {
    const running = [...this.#running]
    const pool = ownPool[kind]
    if (pool !== undefined) return !running.some((other) => ownPool[other.kind] === pool)
    return running.filter((other) => ownPool[other.kind] === undefined).length < mostOnMain
  }

  async #make(kind: FindingKind): Promise<void> {
    this.#count += 1
    let settle = () => {}
    const settled = new Promise<void>((resolve) => {
      settle = resolve
    })
    const id = `${this.#site.service.mode}-${this.#count}`
    const injection: Injection = {
      id,
      kind,
      findings: [],
      isRemedied: false,
      isLost: false,
      isMade: false,
      settled,
      settle,
    }
    this.#known.set(id, injection)
    this.#running.add(injection)
    const healed = this.#site.service.next('healed', (report) => report.id === id)
    const answered = fetch(`${this.#site.service.url}/leaks/${kind}`, {
      method: 'POST',
      headers: { 'x-request-id': id },
    }).then((response) => response.arrayBuffer())

    await Promise.race([settled, sleep(patienceMillis, undefined, { ref: false })])
    this.#site.service.send({ type: 'heal', id })
    const ended = await Promise.race([
      Promise.allSettled([answered, healed]).then(() => true),
      sleep(endMillis, false, { ref: false }),
    ])
    this.#judge(injection, ended ? this.#verdictOf(injection) : 'never ended')
    this.#running.delete(injection)
    // What comes late is still known for its own, and nothing is kept for ever.
    setTimeout(() => this.#known.delete(id), 60_000).unref()
  }

  #hear(report: Report): void {
    switch (report.type) {
      case 'finding':
        this.#found(report.finding)
        break
      case 'remedied':
        this.#remedied(report.finding)
        break
      case 'resolved':
        this.openFindings.delete(report.finding.id)
        break
      case 'made':
      case 'lost':
      case 'failed':
        this.#follow(report, this.#known.get(report.id))
    }
  }

  #follow(report: Extract<Report, { type: 'made' | 'lost' | 'failed' }>, injection?: Injection): void {
    if (injection === undefined) return
    const { kind, settle } = injection
    if (report.type === 'made') {
      injection.isMade = true
      if (kind === 'session-killed' && report.pid !== undefined) {
        void this.#site.database.terminate(report.pid)
      }
    } else if (report.type === 'lost') {
      injection.isLost = true
      // What is known of a session that is gone is known at once, or after a sweep.
      if (kind !== 'session-killed') setTimeout(settle, 3_000).unref()
    } else {
      injection.failure = report.reason
      settle()
    }
  }

  #found(finding: Finding): void {
    if (finding.resolvedAt === undefined) this.openFindings.add(finding.id)
    const injection = this.#known.get(finding.scope?.id ?? '')
    if (injection === undefined) {
      if (finding.kind === 'session-killed' && this.#faults.mayHaveEndedSessions) this.killedSessions += 1
      else this.#mistake('found, but not injected', finding)
      return
    }
    if (finding.kind === injection.kind) {
      injection.findings.push(finding)
      // Where a remedy acts, the leak is over when it has.
      const acts = finding.remedy !== 'report' && finding.outcome === undefined
      if (acts) setTimeout(injection.settle, 5_000).unref()
      else injection.settle()
      return
    }
    const byFault = finding.kind === 'session-killed' && this.#faults.mayHaveEndedSessions
    // A deadlock begins as a wait, and is then reported as what it is.
    const onTheWay = injection.kind === 'pool-deadlock' && finding.kind === 'nested-acquire'
    if (byFault) injection.isLost = true
    else if (!onTheWay) this.#mistake(`found in a leak of the kind ${injection.kind}`, finding)
  }

  #remedied(finding: Finding): void {
    const injection = this.#known.get(finding.scope?.id ?? '')
    if (injection === undefined || injection.kind !== finding.kind) return
    injection.isRemedied = finding.outcome !== undefined
    injection.settle()
  }

  #judge(injection: Injection, verdict: Verdict): void {
    const counts = this.verdicts.get(injection.kind) ?? new Map<Verdict, number>()
    this.verdicts.set(injection.kind, counts)
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
    if (verdict !== 'found' && verdict !== 'ended by a fault') {
      const [finding] = injection.findings
      this.#mistake(`${injection.kind} ${injection.id}: ${verdict}`, finding)
    }
  }

  #verdictOf({ kind, findings, isRemedied, isLost, isMade, failure }: Injection): Verdict {
    const [finding, ...more] = findings
    if (finding === undefined) {
      return isLost || !isMade || failure !== undefined ? 'ended by a fault' : 'not found'
    }
    if (more.length > 0) return 'found more than once'
    if (finding.scope?.name !== `POST /leaks/${kind}`) return 'wrong route'
    const acts = finding.remedy !== 'report' && finding.outcome === undefined
    if (acts && !isRemedied && !isLost) return 'not remedied'
    const rightEvent = eventLines[kind] === undefined || finding.eventOrigin?.line === eventLines[kind]
    return finding.origin?.line === checkoutLines[kind] && rightEvent ? 'found' : 'wrong line'
  }

  #mistake(what: string, finding?: Finding): void {
    this.mistakes.push({ mode: this.#site.service.mode, what, ...(finding && { finding }) })
  }
}

const source = readFileSync(new URL('leaks.ts', import.meta.url), 'utf8').split('\n')
const checkoutLines = linesWith('here')
const eventLines = linesWith('then')

function linesWith(mark: string): Partial<Record<FindingKind, number>> {
  const lines: Partial<Record<FindingKind, number>> = {}
  for (const kind of findingKinds) {
    const index = source.findIndex((line) => line.endsWith(`// ${mark}: ${kind}`))
    if (index >= 0) lines[kind] = index + 1
  }
  return lines
}
