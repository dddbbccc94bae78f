import type pg from 'pg'
import type { Finding, Lifeguard, Snapshot } from '../../src/index.ts'
import { serverPid } from './aftermath.ts'
import { freedAt } from './deadlines.ts'
import type { Model } from './model.ts'
import { type Awaited, isCertain, type Kind, type Owner, suspicions } from './owners.ts'
import { discard } from './server-session.ts'

/** A limit is looked at once per sweep, which is a tenth of the smallest limit. */
const sweepMillis = 100

interface Heard {
  readonly guard: number
  readonly event: 'finding' | 'remedied' | 'resolved'
  readonly finding: Finding
}

interface Known {
  readonly owner: Owner
  readonly kind: Kind
  isResolved: boolean
  readonly applied: boolean
}

/** Hears what lifeguards say and holds it against the model: all of it, once, in time, and nothing else. */
export class GuardWatcher {
  readonly #model: Model
  readonly #lifeguards: Lifeguard[] = []
  readonly #known = new Map<string, Known>()
  #heard: Heard[] = []

  constructor(model: Model) {
    this.#model = model
  }

  /** Numbers the lifeguard: each counts its checkouts and findings on its own. */
  follow(lifeguard: Lifeguard): number {
    const index = this.#lifeguards.indexOf(lifeguard)
    if (index !== -1) return index + 1
    const guard = this.#lifeguards.push(lifeguard)
    for (const event of ['finding', 'remedied', 'resolved'] as const) {
      lifeguard.on(event, (finding) => this.#heard.push({ guard, event, finding }))
    }
    return guard
  }

  /** Learns under which number the guard keeps the checkout of an owner that waits, or has just got this client. */
  identify(owner: Owner, client?: pg.Client): void {
    const lifeguard = this.#lifeguards[owner.guard - 1]
    if (lifeguard === undefined) return
    const { checkouts } = lifeguard.snapshot()
    const found =
      client === undefined
        ? checkouts.filter(({ phase }) => phase === 'waiting').at(-1)
        : checkouts.find(({ phase, pid }) => phase === 'out' && pid === serverPid(client))
    if (owner.watched && found === undefined) throw new Error(`${owner.name} is not in the snapshot`)
    if (!owner.watched && found !== undefined) {
      throw new Error(`${owner.name} is guarded although no guard is on`)
    }
    owner.checkoutId = found?.id
  }

  remediesAreDone(): boolean {
    return this.#lifeguards.every((lifeguard) =>
      lifeguard
        .snapshot()
        .findings.every(
          ({ remedy, outcome, resolvedAt }) =>
            remedy === 'report' || outcome !== undefined || resolvedAt !== undefined,
        ),
    )
  }

  /** Whether the guard has opened a finding, which it reports only when its remedy is done. */
  hasOpened(owner: Owner, kind: Kind): boolean {
    return this.#snapshotOf(owner).findings.some(
      (finding) =>
        finding.kind === kind && finding.checkout.id === owner.checkoutId && finding.resolvedAt === undefined,
    )
  }

  /** Whether the guard still counts the owner among those who hold a client. */
  isOut(owner: Owner): boolean {
    return this.#snapshotOf(owner).checkouts.some(({ id }) => id === owner.checkoutId)
  }

  #snapshotOf(owner: Owner): Snapshot {
    const lifeguard = this.#lifeguards[owner.guard - 1]
    if (lifeguard === undefined) throw new Error(`${owner.name} is not guarded`)
    return lifeguard.snapshot()
  }

  isAnythingDue(): boolean {
    const { now, owners } = this.#model
    return (
      this.#heard.length > 0 ||
      owners.some(
        (owner) =>
          owner.destroyAt <= now ||
          freedAt(this.#model, owner) <= now ||
          this.#model.deadlines(owner).some(({ at }) => at <= now),
      )
    )
  }

  hasHeardEverything(): boolean {
    this.compare()
    return this.#model.awaited.every(({ optional }) => optional)
  }

  missing(): string {
    return this.#model.awaited.map(({ owner, kind }) => `${kind} of ${owner.name}`).join(', ')
  }

  /** Takes in what was said since the last time, and asks what was not said in time. */
  compare(): void {
    const heard = this.#heard.splice(0)
    // What `pool.query` leaves behind may be found before its result is looked at here.
    const requested = this.#model.owners.some(({ via, phase }) => via === 'pool.query' && phase === 'waiting')
    const early = ({ guard, event, finding }: Heard) =>
      requested &&
      finding.checkout.via === 'pool.query' &&
      finding.kind === 'dirty-release' &&
      !this.#known.has(`${guard}:${finding.id}`) &&
      (event !== 'finding' || this.#awaitedFor(guard, finding) === undefined)
    this.#heard = heard.filter(early)
    // Several limits may have passed in one sweep: all of them are judged before what is done about one of them.
    const timely = heard.filter((one) => !early(one))
    for (const one of timely) {
      if (one.event === 'finding') this.#found(one)
    }
    for (const one of timely) this.#followed(one)
    const { now, owners } = this.#model
    for (const owner of owners) {
      for (const { kind, until, optional } of this.#model.deadlines(owner)) {
        if (!optional && now > until) throw new Error(`${kind} of ${owner.name} was due by ${until}`)
      }
      const slotIsFree = freedAt(this.#model, owner)
      if (now > slotIsFree + 2 * sweepMillis)
        throw new Error(`the slot of ${owner.name} was to be freed at ${slotIsFree}`)
      if (now > owner.destroyAt + sweepMillis) {
        throw new Error(`${owner.name} was to be destroyed at ${owner.destroyAt}`)
      }
    }
  }

  /** Findings are open as long as what they rest on, no longer and no shorter. Says what is not so. */
  wronglyOpenOrResolved(): string | undefined {
    this.compare()
    const open = [...this.#known.values()].filter(({ isResolved }) => !isResolved)
    const late = open.find(({ owner, kind }) => !owner.open.has(kind) && !owner.vague)
    if (late !== undefined) return `${late.kind} of ${late.owner.name} does not resolve`
    for (const owner of this.#model.owners) {
      if (owner.vague) continue
      for (const kind of owner.open) {
        if (open.some((known) => known.owner === owner && known.kind === kind)) continue
        return `${kind} of ${owner.name} has resolved too early`
      }
    }
    return undefined
  }

  checkAllResolved(): void {
    // A guard that is off leaves things as they are when it goes.
    const open = [...this.#known.values()].find(
      ({ owner, isResolved }) => !isResolved && (owner.watched || !owner.vague),
    )
    if (open !== undefined) throw new Error(`${open.kind} of ${open.owner.name} has never resolved`)
    for (const lifeguard of this.#lifeguards) {
      const { checkouts } = lifeguard.snapshot()
      if (checkouts.length > 0) throw new Error(`the last snapshot still has ${JSON.stringify(checkouts)}`)
    }
  }

  /** Nothing more is heard of what these owners were found for. */
  dismiss(owners: ReadonlySet<Owner>): void {
    for (const [key, { owner, isResolved }] of this.#known) {
      if (!isResolved && owners.has(owner)) this.#known.delete(key)
    }
  }

  #found({ guard, finding }: Heard): void {
    const { kind, checkout, outcome, openedAt } = finding
    const awaited = this.#awaitedFor(guard, finding)
    const owner = awaited?.owner ?? this.#ownerOf(guard, checkout.id)
    if (owner === undefined) throw new Error(`unexpected ${kind} of a checkout nobody knows: ${finding.hint}`)
    if (owner.reported.has(kind)) throw new Error(`${kind} of ${owner.name} is reported twice`)
    const pid = owner.session === undefined ? undefined : serverPid(owner.session.client)
    if (owner.phase !== 'waiting' && checkout.pid !== undefined && checkout.pid !== pid) {
      throw new Error(`${kind} of ${owner.name} names pid ${checkout.pid} instead of ${pid}`)
    }
    if (awaited !== undefined) {
      this.#model.awaited.splice(this.#model.awaited.indexOf(awaited), 1)
      if (!awaited.outcomes.includes(outcome)) {
        throw new Error(`${kind} of ${owner.name} has the outcome ${outcome}, not ${awaited.outcomes}`)
      }
      if (awaited.optional) this.#blamed(awaited)
    } else {
      this.#checkTime(owner, finding, openedAt - Date.UTC(2026, 0, 1) - 1_000)
    }
    const applied = awaited?.applied === true
    // The owner has answered the remedy with ROLLBACK before it was reported: its next transaction is judged anew.
    const isAnswered = applied && owner.phase === 'holding' && !owner.fenced
    if (!isAnswered) owner.reported.add(kind)
    if (isMomentary(finding)) return
    if (kind === 'pool-exhausted') owner.exhausted = true
    if (!isAnswered && this.#isStanding(owner, kind)) {
      owner.open.add(kind)
      if (kind === 'long-hold') owner.holdsInVain = finding.certainty === 'certain'
      if (isCertain(owner)) this.#supersede(owner)
    }
    this.#known.set(`${guard}:${finding.id}`, { owner, kind, isResolved: false, applied })
  }

  /** The suspicions have been confirmed; those on which a remedy acts keep what that comes to. */
  #supersede(owner: Owner): void {
    for (const kind of suspicions) {
      const isCertain = kind === 'long-hold' && owner.holdsInVain
      if (this.#model.remedies[kind] === 'report' && !isCertain) owner.open.delete(kind)
    }
  }

  #isStanding(owner: Owner, kind: Kind): boolean {
    if (owner.phase !== 'over') return true
    // Left for the next owner: what was found of it, and of statements that were still to run, stands until it is clean.
    const lasts = kind === 'dirty-release' || kind === 'busy-release' || kind === 'lost-commit'
    return lasts && owner.session?.leftBy.includes(owner) === true
  }

  #followed({ guard, event, finding }: Heard): void {
    const known = this.#known.get(`${guard}:${finding.id}`)
    if (known === undefined) {
      if (isMomentary(finding)) return
      throw new Error(`${event} of a finding that was not reported: ${finding.kind}`)
    }
    if (known.isResolved)
      throw new Error(`${event} of ${finding.kind} of ${known.owner.name} after it resolved`)
    if (event === 'resolved') known.isResolved = true
    else if (!known.applied || finding.outcome !== 'rolled-back') this.#applyOutcome(known.owner, finding)
  }

  #checkTime(owner: Owner, { kind, hint }: Finding, foundAt: number): void {
    const deadline = this.#model.deadlines(owner).find((one) => one.kind === kind)
    if (deadline === undefined) throw new Error(`unexpected ${kind} of ${owner.name}: ${hint}`)
    if (foundAt < deadline.at || (foundAt > deadline.until && !deadline.optional)) {
      throw new Error(`${kind} of ${owner.name} was found at ${foundAt}, and due at ${deadline.at}`)
    }
  }

  /** A remedy of a limit acts on the owner while it holds the client; those of a release the model knows beforehand. */
  #applyOutcome(owner: Owner, { kind, remedy, outcome, checkout }: Finding): void {
    if (owner.phase !== 'holding' || outcome === undefined || outcome === 'refused') return
    if (outcome === 'destroyed') {
      const { now, remedies } = this.#model
      const isDue = owner.destroyAt <= now
      const another = [...owner.reported].some((reported) => remedies[reported] === 'destroy')
      if (remedy === 'rollback' && !isDue && !another && owner.work !== 'portal') {
        throw new Error(`${owner.name} was destroyed for ${kind} where ROLLBACK was enough`)
      }
      this.#model.destroyed(owner)
    } else if (!owner.fenced) {
      if (checkout.transaction === 'idle') throw new Error(`${owner.name} had nothing to roll back`)
      this.#model.rolledBack(owner)
    }
  }

  #ownerOf(guard: number, checkoutId: number): Owner | undefined {
    return this.#model.owners.find((owner) => owner.guard === guard && owner.checkoutId === checkoutId)
  }

  #awaitedFor(guard: number, { kind, checkout }: Finding): Awaited | undefined {
    return this.#model.awaited.find(({ owner, kind: awaited }) => {
      if (awaited !== kind || owner.guard !== guard) return false
      // A checkout of `pool.query` is too short to be seen in a snapshot.
      if (owner.checkoutId === undefined) return owner.via === 'pool.query' && checkout.via === 'pool.query'
      return owner.checkoutId === checkout.id
    })
  }

  /** An owner of a session that was dirty before any guard saw it has been taken for the one who left it so. */
  #blamed({ owner, kind }: Awaited): void {
    const { session } = owner
    if (session === undefined || kind !== 'dirty-release') return
    const remedy = this.#model.remedies[kind]
    if (remedy === 'destroy') this.#model.closed(session)
    else if (remedy === 'rollback') {
      discard(session)
      this.#model.cleaned(session)
    } else session.leftBy.push(owner)
  }

  /** What may have been found by now and was not is not going to be. */
  dropOptional(): void {
    this.#model.awaited = this.#model.awaited.filter(({ optional }) => !optional)
  }
}

/** It is resolved when it is found. */
function isMomentary({ kind, remedy }: Finding): boolean {
  return kind === 'double-release' || (kind === 'session-state' && remedy === 'report')
}
