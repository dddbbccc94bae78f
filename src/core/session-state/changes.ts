import type { CapturedStack } from '../origin/origin.ts'
import { advisoryLocks, itemKey, type SessionItem, type SessionItemKind } from './item.ts'
import type { SessionChange } from './session-change.ts'
import { isSparedByResetAll } from './setting-statements.ts'
import { sessionChanges } from './statement-effects.ts'

/** The driver's data about an answered statement. */
export interface Answer {
  readonly text: string | undefined
  readonly command: string | undefined
  /** Undefined if the driver does not keep them: streams, and several statements in one text. */
  readonly rows: readonly object[] | undefined
}

/** An item that was left in the session, and the stack of the statement that left it. */
export interface LeftItem {
  readonly item: SessionItem
  readonly stack: CapturedStack | undefined
}

interface Left extends LeftItem {
  readonly value: string | undefined
  /** True if it may not have been set, may have been restored, or may be gone. */
  readonly unsure: boolean
}

/** A transaction, or its part after a savepoint: the previous states of its items, by key. */
interface Part {
  readonly savepoint: string | undefined
  readonly before: Map<string, Left | undefined>
}

type ItemChange = SessionChange & { does: 'leave' | 'clear' }

/**
 * The effects of one owner's statements on its session, as far as their texts show them, without those that are rolled
 * back, reset or local to a transaction.
 */
export class SessionChanges {
  readonly #left = new Map<string, Left>()
  /** The parts of the open transaction, which may still be rolled back. */
  #parts: Part[] = [newPart(undefined)]
  /** The minimum and the maximum number of advisory locks held. */
  #locks = { least: 0, most: 0 }
  #lockStack: CapturedStack | undefined
  #sent: {
    readonly text: string
    readonly changes: readonly SessionChange[]
    readonly stack: CapturedStack | undefined
  }[] = []
  /** True if a statement has changed anything, even if the change was undone since. Read at each release. */
  touched = false

  /** Another owner gets the session: changes of former owners no longer count. */
  begin(): void {
    if (!this.touched) return
    this.touched = false
    this.#left.clear()
    this.#commit()
    this.#sent = []
    this.#locks = { least: 0, most: 0 }
    this.#lockStack = undefined
  }

  /** Records a statement before it is sent. `ready`: nothing is in flight. */
  sending(text: string, stack: CapturedStack | undefined, ready: boolean): void {
    // Statements that are still unanswered will not get an answer any more.
    if (ready && this.#sent.length > 0) this.#sent = []
    const changes = sessionChanges(text)
    if (changes.length === 0) return
    this.touched = true
    this.#sent.push({ text, changes, stack })
  }

  /**
   * Records the failure of a statement with this text. Its effects are undone, except for parts that it has committed
   * itself, and for advisory locks, which are uncertain then.
   */
  failed(text: string | undefined): void {
    const { changes = [], stack } = this.#take(text) ?? {}
    const commit = changes.findLastIndex(({ does }) => does === 'commit')
    const committed = changes.slice(0, Math.max(0, commit))
    for (const change of committed) {
      if (change.does === 'leave') this.#put(itemKey(change.item), { ...change, unsure: true, stack })
    }
  }

  /** Records a ReadyForQuery with the transaction's letter. */
  answered(answer: Answer, letter: string): void {
    const sent = this.#take(answer.text)
    for (const change of sent?.changes ?? []) this.#apply(change, answer, sent?.stack)
    if (letter !== 'I') return
    // No statement of the owner has ended the transaction: usually it was the ROLLBACK of a remedy.
    if (sent !== undefined || answer.command === 'COMMIT') this.#commit()
    else this.#rollBack(0)
  }

  /** True if anything is, or may be, left. */
  get hasLeft(): boolean {
    return this.#locks.most > 0 || this.#committed().length > 0
  }

  /** True if the session listens for notifications for certain. */
  get listens(): boolean {
    return this.touched && this.#committed().some(({ item, unsure }) => item.kind === 'channel' && !unsure)
  }

  /** True if the session holds an advisory lock for certain. */
  get holdsLocks(): boolean {
    return this.#locks.least > 0
  }

  /** The items that are left; with `sure`, only those that are left for certain. */
  left(sure: boolean): LeftItem[] {
    const left: LeftItem[] = this.#committed().filter(({ unsure }) => !sure || !unsure)
    const isLocked = (sure ? this.#locks.least : this.#locks.most) > 0
    return isLocked ? [...left, { item: advisoryLocks, stack: this.#lockStack }] : left
  }

  /** The items without the effects of an open transaction. */
  #committed(): Left[] {
    const committed = new Map<string, Left | undefined>(this.#left)
    for (const { before } of this.#parts.toReversed()) {
      for (const [key, left] of before) committed.set(key, left)
    }
    return [...committed.values()].filter((left) => left !== undefined)
  }

  #take(text: string | undefined) {
    if (text === undefined || this.#sent.length === 0) return undefined
    const exact = this.#sent.findIndex((sent) => sent.text === text)
    // Instrumentation may add comments to the owner's text.
    const index = exact === -1 ? this.#sent.findIndex((sent) => text.includes(sent.text)) : exact
    // Earlier ones were never matched: the driver no longer has a failed statement.
    return index === -1 ? undefined : this.#sent.splice(0, index + 1).at(-1)
  }

  #apply(change: SessionChange, { command, rows }: Answer, stack: CapturedStack | undefined): void {
    switch (change.does) {
      case 'leave':
        if (change.call !== 'per row' || rows?.length !== 0) this.#leave(change, stack)
        return
      case 'clear':
        this.#clear(change)
        return
      case 'doubt':
        this.#doubt(change.kind)
        return
      case 'savepoint':
        this.#parts.push(newPart(change.name))
        return
      case 'commit':
        // COMMIT of a failed transaction is answered by ROLLBACK.
        if (command === 'ROLLBACK') this.#rollBack(0)
        else this.#commit()
        return
      case 'rollback':
        this.#rollBack(0)
        return
      case 'rollback-to':
        this.#rollBack(this.#partOf(change.name))
        return
      case 'release':
        this.#merge(this.#partOf(change.name))
        return
      case 'lock': {
        const { least, most } = change.tries ? granted(rows, change.calls) : every(rows, change.calls)
        this.#locks = { least: this.#locks.least + least, most: this.#locks.most + most }
        this.#lockStack ??= stack
        return
      }
      case 'unlock': {
        const { least, most, unknown } = granted(rows, change.calls)
        this.#locks = {
          least: unknown ? 0 : Math.max(0, this.#locks.least - most),
          most: Math.max(0, this.#locks.most - least),
        }
        return
      }
      case 'unlock-all':
        this.#locks = { least: 0, most: 0 }
    }
  }

  /** An unknown savepoint is older than all known ones. */
  #partOf(savepoint: string): number {
    return Math.max(
      0,
      this.#parts.findLastIndex((part) => part.savepoint === savepoint),
    )
  }

  #rollBack(from: number): void {
    for (const { before } of this.#parts.slice(from).toReversed()) {
      for (const [key, left] of before) this.#put(key, left)
      before.clear()
    }
    this.#parts.length = from + 1
  }

  /** Releases a savepoint and the later ones: their changes now belong to the part before it. */
  #merge(from: number): void {
    const into = this.#parts[Math.max(0, from - 1)]?.before
    for (const { before } of this.#parts.splice(Math.max(1, from))) {
      for (const [key, left] of before) if (into?.has(key) === false) into.set(key, left)
    }
  }

  #commit(): void {
    this.#parts = [newPart(undefined)]
  }

  #leave({ item, value, call }: ItemChange & { does: 'leave' }, stack: CapturedStack | undefined): void {
    const key = itemKey(item)
    const before = this.#left.get(key)
    const isSame = before === undefined || (value !== undefined && before.value === value)
    const unsure = before?.unsure === true || !isSame || call === 'hidden'
    const left = { item, value, unsure, stack }
    this.#change(key, left, item.kind === 'prepared-statement')
  }

  #doubt(kind: SessionItemKind | undefined): void {
    for (const [key, left] of this.#left) {
      if (kind === undefined || left.item.kind === kind)
        this.#change(key, { ...left, unsure: true }, isLasting(left.item.kind))
    }
    if (kind === undefined) this.#locks = { ...this.#locks, least: 0 }
  }

  #clear({ kind, name }: ItemChange & { does: 'clear' }): void {
    const lasts = isLasting(kind)
    if (name !== undefined) {
      this.#change(itemKey({ kind, name }), undefined, lasts)
      return
    }
    for (const [key, { item }] of this.#left) {
      if (item.kind === kind && !isSparedByResetAll(item)) this.#change(key, undefined, lasts)
    }
  }

  /** `lasts`: ROLLBACK does not undo the change. */
  #change(key: string, left: Left | undefined, lasts: boolean): void {
    const part = this.#parts.at(-1)
    if (lasts) for (const { before } of this.#parts) before.delete(key)
    else if (part?.before.has(key) === false) part.before.set(key, this.#left.get(key))
    this.#put(key, left)
  }

  #put(key: string, left: Left | undefined): void {
    if (left === undefined) this.#left.delete(key)
    else this.#left.set(key, left)
  }
}

/** ROLLBACK does not undo PREPARE, DEALLOCATE and CLOSE. */
function isLasting(kind: SessionItemKind): boolean {
  return kind === 'prepared-statement' || kind === 'cursor'
}

function newPart(savepoint: string | undefined): Part {
  return { savepoint, before: new Map() }
}

/** The number of locks taken by a statement that waits for them. */
function every(rows: readonly object[] | undefined, calls: number | undefined) {
  if (calls === undefined) return { least: 0, most: Number.POSITIVE_INFINITY }
  const taken = calls * (rows?.length ?? 1)
  return { least: taken, most: taken }
}

/**
 * The minimum and the maximum number of calls that have returned true; they differ because other columns may be
 * booleans, too. Unknown if the rows do not show the results of the calls.
 */
function granted(rows: readonly object[] | undefined, calls: number | undefined) {
  if (calls === undefined) return { least: 0, most: Number.POSITIVE_INFINITY, unknown: true }
  const counts = { least: 0, most: 0, unknown: rows === undefined }
  if (rows === undefined) counts.most = calls
  for (const row of rows ?? []) {
    const booleans = Object.values(row).filter((value) => typeof value === 'boolean')
    const yes = booleans.filter((value) => value).length
    const others = booleans.length - calls
    if (others < 0) counts.unknown = true
    counts.least += others < 0 ? 0 : Math.max(0, yes - others)
    counts.most += others < 0 ? calls : Math.min(yes, calls)
  }
  return counts
}
