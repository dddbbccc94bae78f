import type { CapturedStack } from './origin.ts'
import { advisoryLocks, itemKey, type SessionItem } from './session-item.ts'
import { isSparedByResetAll, type SessionChange, sessionChanges } from './session-statement.ts'
import { isSentText } from './sql-tag.ts'

/** What the driver knows of a statement that the server has answered. */
export interface Answer {
  readonly text: string | undefined
  readonly command: string | undefined
  /** Undefined where they were not kept: streams, and several statements in one text. */
  readonly rows: readonly object[] | undefined
}

interface Left {
  readonly item: SessionItem
  readonly value: string | undefined
  /** It was set again to something else, which may be what it was before. */
  readonly maybeBack: boolean
  readonly stack: CapturedStack | undefined
}

/**
 * What one owner's statements have done to its session, as far as their texts tell: what was rolled back, reset, or was
 * local to its transaction is not counted.
 */
export class SessionChanges {
  readonly #left = new Map<string, Left>()
  /** In the open transaction, which may yet take them back. */
  #open: { readonly change: SessionChange; readonly stack: CapturedStack | undefined }[] = []
  #locks = 0
  #lockStack: CapturedStack | undefined
  #sent: {
    readonly text: string
    readonly changes: readonly SessionChange[]
    readonly stack: CapturedStack | undefined
  }[] = []
  /** Whether any statement has changed anything, be it taken back since. Read at each release. */
  touched = false

  /** Another owner gets the session. What is left from before is not its doing. */
  begin(): void {
    if (!this.touched) return
    this.touched = false
    this.#left.clear()
    this.#open = []
    this.#sent = []
    this.#locks = 0
    this.#lockStack = undefined
  }

  /** A statement is about to be sent. */
  sending(text: string, stack: CapturedStack | undefined): void {
    const changes = sessionChanges(text)
    if (changes.length === 0) return
    this.touched = true
    this.#sent.push({ text, changes, stack })
  }

  /** A statement of this text has failed. What it did is undone, but for advisory locks, of which nothing is known then. */
  failed(text: unknown): void {
    this.#take(text)
  }

  /** ReadyForQuery has come, with the transaction's letter. */
  answered(answer: Answer, letter: string): void {
    const sent = this.#take(answer.text)
    for (const change of sent?.changes ?? []) this.#apply(change, answer, sent?.stack)
    if (letter !== 'I' || this.#open.length === 0) return
    // The end of a transaction that was not told by a text of the owner's: a remedy's ROLLBACK, as a rule.
    if (sent !== undefined || answer.command === 'COMMIT') this.#commit()
    else this.#open = []
  }

  /** Whether anything is left, or may be. */
  get hasLeft(): boolean {
    return this.#left.size > 0 || this.#locks > 0
  }

  /** What is left, and where the first of it was sent. `sure`: without what may have been set back by hand. */
  left(sure: boolean): { items: SessionItem[]; stack: CapturedStack | undefined } {
    const left = [...this.#left.values()].filter(({ maybeBack }) => !sure || !maybeBack)
    const items = left.map(({ item }) => item)
    const stack = left[0]?.stack ?? (this.#locks > 0 ? this.#lockStack : undefined)
    return { items: this.#locks > 0 ? [...items, advisoryLocks] : items, stack }
  }

  #take(text: unknown) {
    const index = this.#sent.findIndex((sent) => isSentText(sent.text, text))
    // Those before it were never answered: the driver forgets what has failed.
    return index === -1 ? undefined : this.#sent.splice(0, index + 1).at(-1)
  }

  #apply(change: SessionChange, { command, rows }: Answer, stack: CapturedStack | undefined): void {
    switch (change.does) {
      case 'leave':
      case 'clear':
      case 'savepoint':
        this.#open.push({ change, stack })
        return
      case 'commit':
        // COMMIT of a failed transaction is answered by ROLLBACK.
        if (command === 'ROLLBACK') this.#open = []
        else this.#commit()
        return
      case 'rollback':
        this.#open = []
        return
      case 'rollback-to':
        this.#rollBackTo(change.name)
        return
      case 'lock':
        this.#locks += change.calls * (change.tries ? granted(rows) : (rows?.length ?? 1))
        this.#lockStack ??= stack
        return
      case 'unlock':
        this.#locks = Math.max(0, this.#locks - (rows === undefined ? 1 : granted(rows)))
        return
      case 'unlock-all':
        this.#locks = 0
    }
  }

  #rollBackTo(name: string): void {
    const at = this.#open.findLastIndex(({ change }) => change.does === 'savepoint' && change.name === name)
    // One that is not known was set before anything that is.
    this.#open = this.#open.slice(0, at + 1)
  }

  #commit(): void {
    for (const { change, stack } of this.#open) {
      if (change.does === 'leave') this.#leave(change.item, change.value, stack)
      else if (change.does === 'clear') this.#clear(change)
    }
    this.#open = []
  }

  #leave(item: SessionItem, value: string | undefined, stack: CapturedStack | undefined): void {
    const key = itemKey(item)
    const before = this.#left.get(key)
    const isSame = before === undefined || (value !== undefined && before.value === value)
    this.#left.set(key, { item, value, maybeBack: before?.maybeBack === true || !isSame, stack })
  }

  #clear({ kind, name }: SessionChange & { does: 'clear' }): void {
    for (const [key, { item }] of this.#left) {
      if (item.kind !== kind) continue
      if (name === undefined ? !isSparedByResetAll(item) : item.name === name) this.#left.delete(key)
    }
  }
}

/** How many rows, or columns of one, say that a lock was taken or given back. */
function granted(rows: readonly object[] | undefined): number {
  return (rows ?? []).flatMap((row) => Object.values(row)).filter((value) => value === true).length
}
