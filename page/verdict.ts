import type { PageCheckout, PageFinding, PageServer } from '../src/page/view/page-data.ts'
import { byUrgency, isOpen, isWaiting, type PoolModel, worstRoot } from './model.ts'
import { countsOf, duration, groupBy, labelOf, stateOf } from './words.ts'

/** The answer to the first glance: who holds the pool, since when, from which line, who waits, what to do. */
export interface Verdict {
  /** `unknown` until the server has been looked at. */
  readonly level: 'good' | 'warning' | 'bad' | 'unknown'
  readonly title: string
  readonly facts: readonly Fact[]
}

export interface Fact {
  readonly name: 'held by' | 'left by' | 'since' | 'at' | 'waiting' | 'what to do' | 'done' | 'why'
  readonly text: string
  /** A link to what the fact is about. */
  readonly show?: string
  readonly isCode?: boolean
}

/** What helps against each kind, as one sentence. */
const advice: Readonly<Record<string, string>> = {
  'idle-transaction': 'Commit or roll back, and release, on every path out of this code.',
  'long-transaction': 'Make the transaction shorter: nothing slow between BEGIN and COMMIT.',
  'long-hold': 'Release the client on every path out of this code: try and finally, or lifeguard.session.',
  'outlived-scope':
    'Release the client on every path out of this code: try and finally, or lifeguard.session.',
  'dirty-release': 'Commit or roll back before release.',
  'busy-release': 'Await every statement before release.',
  'double-release': 'Release once: in one finally block.',
  'use-after-release': 'Do not use the client after release.',
  'lost-commit': 'Roll back after an error: this COMMIT saved nothing.',
  'session-state': 'Use SET LOCAL in a transaction, or undo it before release.',
  'session-killed': 'Find out who ended the session: the log of the server says it.',
  'nested-acquire': 'Pass on the client that this code holds, instead of asking for a second one.',
  'pool-deadlock': 'Pass on the client that this code holds, instead of asking for a second one.',
  'pool-exhausted': 'Look at who holds the clients; a larger pool only delays this.',
  'blocked-shutdown': 'Release every client before pool.end().',
}

export function adviceOn(kind: string): string {
  return advice[kind] ?? 'See the documentation of this finding.'
}

export function verdictOf(
  models: readonly PoolModel[],
  checkouts: ReadonlyMap<string, PageCheckout>,
  server: PageServer | undefined,
  now: number,
): Verdict {
  const [worst] = models
  const findings = models.flatMap((model) => model.findings)
  if (worst !== undefined && isStarved(worst)) return ofStarvedPool(worst, checkouts, now)
  const [finding] = findings.toSorted(byUrgency)
  if (finding !== undefined) return ofFinding(finding, findings, checkouts, models, now)
  const root = server === undefined ? undefined : worstRoot(server)
  if (root !== undefined && server !== undefined) return ofServer(server, root)
  if (server !== undefined && (server.report?.idleInTransaction.length ?? 0) > 0) {
    const [idle] = server.report?.idleInTransaction ?? []
    return {
      level: 'warning',
      title: `pid ${idle?.pid} is idle in a transaction, and blocks nobody yet`,
      facts: [
        ...(idle?.stateMillis === undefined
          ? []
          : [{ name: 'since', text: duration(idle.stateMillis) } as const]),
        ...(idle?.origin === undefined
          ? []
          : [{ name: 'at', text: idle.origin.text, isCode: true } as const]),
      ],
    }
  }
  if (server?.lost !== undefined) return ofUnseenServer(server, server.lost)
  if (server !== undefined && server.report === undefined) {
    return { level: 'unknown', title: 'Looking at the server...', facts: [] }
  }
  return { level: 'good', title: 'Nothing is held too long, nobody waits', facts: [] }
}

/** What was good when it was last seen need not be good now. */
function ofUnseenServer({ report }: PageServer, why: string): Verdict {
  const title =
    report === undefined ? 'The server cannot be seen' : 'All was well when the server was last seen'
  return { level: 'warning', title, facts: [{ name: 'why', text: why }] }
}

/** Whether callers wait because all clients are out. */
function isStarved({ pool, waiting }: PoolModel): boolean {
  return Math.max(pool.waiting, waiting.length) > 0
}

function ofStarvedPool(model: PoolModel, checkouts: ReadonlyMap<string, PageCheckout>, now: number): Verdict {
  const { pool, waiting } = model
  const out = [...checkouts.values()].filter(
    (one) => one.pool === pool.id && one.acquiredAt !== undefined && one.endedAt === undefined,
  )
  const count = Math.max(pool.waiting, waiting.length)
  const full =
    pool.max === undefined ? `${pool.out} clients are out` : `${pool.out} of ${pool.max} clients are out`
  const [first] = waiting.filter(isWaiting)
  const wait = first === undefined ? '' : `, the first for ${duration(now - first.requestedAt)}`
  const holders = [...groupBy(out, (one) => `${labelOf(one)}\n${one.place ?? ''}`).values()].toSorted(
    (one, other) => other.length - one.length,
  )
  const main = holders[0] ?? []
  const oldest = main.toSorted((one, other) => (one.acquiredAt ?? 0) - (other.acquiredAt ?? 0))[0]
  const [finding] = model.findings
    .filter((one) => main.some(({ id }) => id === one.checkout))
    .concat(model.findings)
  return {
    level: 'bad',
    title: `Pool ${pool.id}: ${full}, and ${count} ${count === 1 ? 'caller waits' : 'callers wait'}${wait}`,
    facts: [
      ...(oldest === undefined ? [] : holderFacts(oldest, main.length, now)),
      ...(waiting.length === 0 ? [] : [{ name: 'waiting', text: countsOf(waiting.map(labelOf)) } as const]),
      ...(finding === undefined ? [] : findingFacts(finding)),
    ],
  }
}

function ofFinding(
  finding: PageFinding,
  all: readonly PageFinding[],
  checkouts: ReadonlyMap<string, PageCheckout>,
  models: readonly PoolModel[],
  now: number,
): Verdict {
  const open = all.filter(isOpen)
  const leaks = open.filter(({ isLeak }) => isLeak).length
  const pools = new Set(open.map(({ pool }) => pool))
  const where = pools.size === 1 && models.length > 1 ? ` in pool ${finding.pool}` : ''
  const title =
    leaks > 0
      ? `${leaks} ${leaks === 1 ? 'leak is' : 'leaks are'} open${where}`
      : `${open.length} ${open.length === 1 ? 'finding is' : 'findings are'} open${where}`
  const checkout = checkouts.get(finding.checkout)
  const freed = new Set(open.filter(isDone).map((one) => one.checkout))
  const isFreed = open.every((one) => freed.has(one.checkout))
  const done = open.find(({ outcome }) => outcome !== undefined)
  const isOut = checkout !== undefined && checkout.endedAt === undefined
  return {
    level: leaks > 0 && !isFreed ? 'bad' : 'warning',
    title: isFreed ? `What was left behind${where} is freed, but the code is not repaired yet` : title,
    facts: [
      ...(isOut ? holderFacts(checkout, 1, now) : placeFacts(finding)),
      ...findingFacts(finding),
      ...(finding.outcome === undefined && done !== undefined
        ? [{ name: 'done', text: outcomeText(done) } as const]
        : []),
    ],
  }
}

function ofServer({ report }: PageServer, root: { readonly id: string; readonly blocks: number }): Verdict {
  const session = report?.blocking.find(({ id }) => id === root.id)?.session
  const text =
    session === undefined
      ? root.id
      : `${root.id}, ${session.application ?? 'no application name'}, ${session.state ?? ''}`
  return {
    level: 'bad',
    title: `${root.id} blocks ${root.blocks} ${root.blocks === 1 ? 'session' : 'sessions'}`,
    facts: [
      { name: 'held by', text },
      ...(session?.stateMillis === undefined
        ? []
        : [{ name: 'since', text: duration(session.stateMillis) } as const]),
      ...(session?.origin === undefined
        ? []
        : [{ name: 'at', text: session.origin.text, isCode: true } as const]),
      { name: 'what to do', text: 'End its transaction where it began, or end the session below.' },
    ],
  }
}

function holderFacts(checkout: PageCheckout, count: number, now: number): Fact[] {
  const times = count === 1 ? '' : `, ${count} times`
  const pid = checkout.pid === undefined ? '' : ` (pid ${checkout.pid})`
  return [
    { name: 'held by', text: `${labelOf(checkout)}${times}${pid}`, show: `checkout ${checkout.id}` },
    { name: 'since', text: stateOf(checkout, now) },
    ...(checkout.place === undefined ? [] : [{ name: 'at', text: checkout.place, isCode: true } as const]),
  ]
}

/** Whether a remedy has given the session back, so that nobody waits for it any more. */
function isDone({ outcome }: PageFinding): boolean {
  return outcome !== undefined && outcome !== 'rolled-back'
}

/** Where it happened, if it is over. */
function placeFacts({ route, place }: PageFinding): Fact[] {
  return [
    ...(route === undefined ? [] : [{ name: 'left by', text: route } as const]),
    ...(place === undefined ? [] : [{ name: 'at', text: place, isCode: true } as const]),
  ]
}

function findingFacts(finding: PageFinding): Fact[] {
  const { kind, id, outcome, hint } = finding
  return [
    { name: 'what to do', text: `${sentence(hint)} ${adviceOn(kind)}`, show: `finding ${id}` },
    ...(outcome === undefined ? [] : [{ name: 'done', text: outcomeText(finding) } as const]),
  ]
}

const outcomes: Readonly<Record<string, string>> = {
  'rolled-back': 'the transaction was rolled back',
  destroyed: 'the session was closed, its slot is free',
  refused: 'the call was refused',
  reset: 'the session was reset',
  rejected: 'the last caller was rejected',
}

export function outcomeText({ outcome = '', outcomeDetail }: PageFinding): string {
  const text = outcomes[outcome] ?? outcome
  return outcomeDetail === undefined ? text : `${text} (${outcomeDetail})`
}

export function sentence(text: string): string {
  const whole = text.trim()
  if (whole === '') return ''
  return `${whole[0]?.toUpperCase()}${whole.slice(1)}${/[.!?]$/.test(whole) ? '' : '.'}`
}
