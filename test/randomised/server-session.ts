import type pg from 'pg'

/** A row's note: which checkout wrote it, in which of its transactions, and a number that makes it unique. */
export type Tag = string

/** What the table must hold at the end. */
export class ExpectedRows {
  readonly certain = new Set<Tag>()
  /** Written by a statement whose fate nobody can know: it was under way when its connection was cut. */
  readonly possible = new Set<Tag>()
}

/** What a statement is answered with: the commands of its results, or an error's code. */
export type Answer = { readonly commands: readonly string[] } | { readonly code: string }

/** PostgreSQL's side of a client, as far as transactions and rows go. */
export interface ServerSession {
  readonly ordinal: number
  readonly client: pg.Client
  transaction: 'idle' | 'open' | 'failed'
  /** When its transaction was opened. */
  since: number
  pending: Tag[]
  /** COMMIT will fail on a deferred constraint. */
  doomed: boolean
  savepoints: { readonly rows: number; readonly doomed: boolean }[]
  /** What its setting `app.owner` is set to, outside of any transaction. */
  state: Tag | undefined
  /** The connection is closed. */
  gone: boolean
}

/** One statement, or one script, and what it does to a session. */
export interface Statement {
  readonly name: string
  /** A script of several statements can only be sent as plain text. */
  readonly script?: true
  text(tag: Tag): string
  apply(session: ServerSession, rows: ExpectedRows, tag: Tag, now: number): Answer
}

export function newSession(client: pg.Client, ordinal: number): ServerSession {
  return {
    ordinal,
    client,
    transaction: 'idle',
    since: 0,
    pending: [],
    doomed: false,
    savepoints: [],
    state: undefined,
    gone: false,
  }
}

function done(...commands: string[]): Answer {
  return { commands }
}

const aborted: Answer = { code: '25P02' }

function open(session: ServerSession, now: number): void {
  if (session.transaction === 'idle') session.since = now
  session.transaction = 'open'
}

/** The transaction ends without its rows, on the server's or on anybody's initiative. */
export function discard(session: ServerSession): void {
  session.transaction = 'idle'
  session.pending = []
  session.savepoints = []
  session.doomed = false
}

function fail(session: ServerSession, code: string): Answer {
  if (session.transaction !== 'idle') session.transaction = 'failed'
  return { code }
}

function insert(session: ServerSession, rows: ExpectedRows, tag: Tag): void {
  if (session.transaction === 'idle') rows.certain.add(tag)
  else session.pending.push(tag)
}

function commitTo(session: ServerSession, rows: ExpectedRows): Answer {
  if (session.transaction === 'failed') {
    discard(session)
    return done('ROLLBACK')
  }
  if (session.doomed) {
    discard(session)
    return { code: '23503' }
  }
  for (const tag of session.pending) rows.certain.add(tag)
  discard(session)
  return done('COMMIT')
}

export const begin: Statement = {
  name: 'BEGIN',
  text: () => 'BEGIN',
  apply(session, _rows, _tag, now) {
    if (session.transaction === 'failed') return aborted
    open(session, now)
    return done('BEGIN')
  },
}

export const insertRow: Statement = {
  name: 'INSERT',
  text: (tag) => `INSERT INTO tagged VALUES ('${tag}')`,
  apply(session, rows, tag) {
    if (session.transaction === 'failed') return aborted
    insert(session, rows, tag)
    return done('INSERT')
  },
}

/** Breaks a constraint that is checked at COMMIT. */
export const insertOrphan: Statement = {
  name: 'INSERT of an orphan',
  text: (tag) => `INSERT INTO orphans VALUES ('${tag}', -1)`,
  apply(session) {
    if (session.transaction === 'failed') return aborted
    if (session.transaction === 'idle') return { code: '23503' }
    session.doomed = true
    return done('INSERT')
  },
}

export const select: Statement = {
  name: 'SELECT',
  text: (tag) => `SELECT '${tag}' AS tag, 42 AS answer`,
  apply: (session) => (session.transaction === 'failed' ? aborted : done('SELECT')),
}

export const divide: Statement = {
  name: 'SELECT 1/0',
  text: () => 'SELECT 1/0',
  apply: (session) => (session.transaction === 'failed' ? aborted : fail(session, '22012')),
}

export const commit: Statement = {
  name: 'COMMIT',
  text: () => 'COMMIT',
  apply(session, rows) {
    if (session.transaction === 'idle') return done('COMMIT')
    return commitTo(session, rows)
  },
}

export const commitAndChain: Statement = {
  name: 'COMMIT AND CHAIN',
  text: () => 'COMMIT AND CHAIN',
  apply(session, rows, _tag, now) {
    if (session.transaction === 'idle') return { code: '25P01' }
    const answer = commitTo(session, rows)
    if ('commands' in answer) open(session, now)
    return answer
  },
}

export const rollback: Statement = {
  name: 'ROLLBACK',
  text: () => 'ROLLBACK',
  apply(session) {
    discard(session)
    return done('ROLLBACK')
  },
}

export const savepoint: Statement = {
  name: 'SAVEPOINT',
  text: () => 'SAVEPOINT s',
  apply(session) {
    if (session.transaction === 'failed') return aborted
    if (session.transaction === 'idle') return { code: '25P01' }
    session.savepoints.push({ rows: session.pending.length, doomed: session.doomed })
    return done('SAVEPOINT')
  },
}

export const rollbackToSavepoint: Statement = {
  name: 'ROLLBACK TO',
  text: () => 'ROLLBACK TO s',
  apply(session) {
    if (session.transaction === 'idle') return { code: '25P01' }
    const last = session.savepoints.at(-1)
    if (last === undefined) return fail(session, '3B001')
    session.transaction = 'open'
    session.pending.length = last.rows
    session.doomed = last.doomed
    return done('ROLLBACK')
  },
}

/** Fails after its own BEGIN, which stays. */
export const failingScript: Statement = {
  name: 'script that fails',
  script: true,
  text: (tag) => `BEGIN; INSERT INTO tagged VALUES ('${tag}'); SELECT 1/0`,
  apply(session, _rows, _tag, now) {
    if (session.transaction === 'failed') return aborted
    open(session, now)
    return fail(session, '22012')
  },
}

export const goodScript: Statement = {
  name: 'script',
  script: true,
  text: (tag) => `BEGIN; INSERT INTO tagged VALUES ('${tag}'); COMMIT`,
  apply(session, rows, tag, now) {
    if (session.transaction === 'failed') return aborted
    open(session, now)
    insert(session, rows, tag)
    const answer = commitTo(session, rows)
    return 'code' in answer ? answer : done('BEGIN', 'INSERT', 'COMMIT')
  },
}

/** Outlasts every transaction that comes after it, and is not to be sent inside of one. */
export const setState: Statement = {
  name: 'SET',
  script: true,
  text: (tag) => `SET app.owner = '${tag}'`,
  apply(session, _rows, tag) {
    session.state = tag
    return done('SET')
  },
}

/** Leaves nothing. */
export const setAndReset: Statement = {
  name: 'SET and RESET',
  script: true,
  text: (tag) => `SET app.owner = '${tag}'; RESET app.owner`,
  apply(session) {
    session.state = undefined
    return done('SET', 'RESET')
  },
}

export const readState: Statement = {
  name: 'SHOW',
  script: true,
  text: () => "SELECT coalesce(current_setting('app.owner', true), '') AS state",
  apply: () => done('SELECT'),
}

/** Whether its text says that it opens a transaction. */
export function opensTransaction(statement: Statement): boolean {
  return statement === begin || statement === goodScript || statement === failingScript
}
