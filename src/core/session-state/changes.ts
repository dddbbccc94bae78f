import type { CapturedStack } from '../origin/origin.ts'
import { advisoryLocks, itemKey, type SessionItem, type SessionItemKind } from './item.ts'
import type { SessionChange } from './session-change.ts'
import { isSparedByResetAll } from './setting-statements.ts'
import { sessionChanges } from './statement-effects.ts'

/** A statement that the server has answered, as the driver knows it. */
export interface Answer {
  readonly text: string | undefined
  readonly command: string | undefined
  /** Undefined where they were not kept: streams, and several statements in one text. */
  readonly rows: readonly object[] | undefined
}

/** Something that was left, and where the statement that left it was sent. */
export interface LeftItem {
  readonly item: SessionItem
  readonly stack: CapturedStack | undefined
}

interface Left extends LeftItem {
  readonly value: string | undefined
  /** It may not have been set at all, have been set back to what it was before, or have gone. */
  readonly unsure: boolean
}

/** A transaction, or its part from a savepoint on: the items as they were before it, by key. */
interface Part {
  readonly savepoint: string | undefined
  readonly before: Map<string, Left | undefined>
}

type ItemChange = SessionChange & { does: 'leave' | 'clear' }

/**
 * The effects of one owner's statements on its session, as far as their texts show. Anything rolled back, reset or local
 * to its transaction is left out.
 */
export class SessionChanges {
  readonly #left = new Map<string, Left>()
  /** The parts of the open transaction, which may still be rolled back. */
  #parts: Part[] = [newPart(undefined)]
  /** How many advisory locks there are at the least, and at the most. */
  #locks = { least: 0, most: 0 }
  #lockStack: CapturedStack | undefined
  #sent: {
    readonly text: string
    readonly changes: readonly SessionChange[]
    readonly stack: CapturedStack | undefined
  }[] = []
  /** True if a statement has changed anything, even if that was taken back since. Read at each release. */
  touched = false

  /** Another owner gets the session. What is left from before is not its doing. */
  begin(): void {
    if (!this.touched) return
    this.touched = false
    this.#left.clear()
    this.#commit()
    this.#sent = []
    this.#locks = { least: 0, most: 0 }
    this.#lockStack = undefined
  }

  /** A statement is about to be sent. `ready`: nothing is in flight. */
  sending(text: string, stack: CapturedStack | undefined, ready: boolean): void {
    // A statement that still waits for an answer will not get one that could be matched to it.
    if (ready && this.#sent.length > 0) this.#sent = []
    const changes = sessionChanges(text)
    if (changes.length === 0) return
    this.touched = true
    this.#sent.push({ text, changes, stack })
  }

  /**
   * A statement of this text has failed. What it did is undone, but for what it had committed itself, which may be any part
   * of it, and for advisory locks, of which nothing is known then.
   */
  failed(text: string | undefined): void {
    const { changes = [], stack } = this.#take(text) ?? {}
    const commit = changes.findLastIndex(({ does }) => does === 'commit')
    const committed = changes.slice(0, Math.max(0, commit))
    for (const change of committed) {
      if (change.does === 'leave') this.#put(itemKey(change.item), { ...change, unsure: true, stack })
    }
  }

  /** ReadyForQuery has come, with the transaction's letter. */
  answered(answer: Answer, letter: string): void {
    const sent = this.#take(answer.text)
    for (const change of sent?.changes ?? []) this.#apply(change, answer, sent?.stack)
    if (letter !== 'I') return
    // A transaction that no statement of the owner has ended: usually the ROLLBACK of a remedy.
    if (sent !== undefined || answer.command === 'COMMIT') this.#commit()
    else this.#rollBack(0)
  }

  /** True if anything is left, or may be. */
  get hasLeft(): boolean {
    return this.#locks.most > 0 || this.#committed().length > 0
  }

  /** The items that are left. `sure`: without those that may not be. */
  left(sure: boolean): LeftItem[] {
    const left: LeftItem[] = this.#committed().filter(({ unsure }) => !sure || !unsure)
    const isLocked = (sure ? this.#locks.least : this.#locks.most) > 0
    return isLocked ? [...left, { item: advisoryLocks, stack: this.#lockStack }] : left
  }

  /** Without what an open transaction has done. */
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
    // Instrumentation adds comments to what the owner has sent.
    const index = exact === -1 ? this.#sent.findIndex((sent) => text.includes(sent.text)) : exact
    // Those before it were never answered: the driver forgets what has failed.
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

  /** A savepoint that is not known was set before anything that is. */
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

  /** The savepoint is given up, with those behind it: what came after it can only go with what came before. */
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

  /** `lasts`: ROLLBACK does not take it back. */
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

/** PREPARE, DEALLOCATE and CLOSE are not taken back by ROLLBACK. */
function isLasting(kind: SessionItemKind): boolean {
  return kind === 'prepared-statement' || kind === 'cursor'
}

function newPart(savepoint: string | undefined): Part {
  return { savepoint, before: new Map() }
}

/** How many locks a statement has taken that waits until it has them. */
function every(rows: readonly object[] | undefined, calls: number | undefined) {
  if (calls === undefined) return { least: 0, most: Number.POSITIVE_INFINITY }
  const taken = calls * (rows?.length ?? 1)
  return { least: taken, most: taken }
}

/**
 * How many of the calls in each row have said true: at the least and at the most, for other columns may be booleans, too.
 * Unknown where the rows do not show what the calls have said.
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
