/** A row of `pg_stat_activity`. Fields that the role may not see, or that have no value, are absent. */
export interface ServerSession {
  readonly pid: number
  /** The role that asked may see that there is a session, and no more. */
  readonly hidden: boolean
  /** `client backend`, `autovacuum worker`, `walsender`, ... */
  readonly backendType?: string
  /** UTC to the microsecond: with the pid, what identifies a session. */
  readonly backendStart?: string
  readonly user?: string
  readonly database?: string
  readonly application?: string
  /** An IP address, or `local` for a Unix socket. */
  readonly clientAddress?: string
  readonly clientPort?: number
  /** `active`, `idle`, `idle in transaction`, `idle in transaction (aborted)`, ... */
  readonly state?: string
  /** UTC to the microsecond. */
  readonly stateChange?: string
  /** How long it has been in this state. */
  readonly stateMillis?: number
  readonly transactionStart?: string
  /** How long its transaction has been open. PostgreSQL forgets the start when a transaction fails. */
  readonly transactionMillis?: number
  readonly waitEventType?: string
  readonly waitEvent?: string
  /** The statement that runs, or else the last one. It may contain literals. */
  readonly query?: string
}

/** A lock, or something like it, that a session waits for. */
export interface LockWait {
  readonly pid: number
  /** `relation`, `tuple`, `transactionid`, `virtualxid`, `advisory`, `object`, ...; or `safe-snapshot`. */
  readonly lockType: string
  /** As `pg_locks` says: `AccessExclusiveLock`. */
  readonly mode?: string
  /** The object of the wait, for people: `public.accounts`, `a row of public.accounts`, `advisory lock 42`. */
  readonly target: string
  /** The name of the relation, where there is one and this database knows it. */
  readonly relation?: string
  /** Equal for sessions that wait for the same thing. */
  readonly object: string
  readonly millis?: number
}

/** One session stands in the way of another. Either `blockerPid` or `blockerGid` is there. */
export interface Block {
  readonly blocked: number
  readonly blockerPid?: number
  /** The prepared transaction, or `?` if it could not be identified. */
  readonly blockerGid?: string
  /** `hard`: it holds a conflicting lock. `soft`: it waits further ahead in the queue. */
  readonly kind: 'hard' | 'soft'
}

/** A transaction that was prepared for a two-phase commit: it has no session, and keeps its locks over a restart. */
export interface PreparedTransaction {
  readonly gid: string
  readonly owner: string
  readonly database: string
  readonly preparedAt: string
  readonly millis: number
}

export interface ServerData {
  /** Such as `18.4`. */
  readonly version: string
  readonly versionNumber: number
  /** The database that was asked: only of this one are names known. */
  readonly database: string
  readonly databaseId: number
  readonly role: string
  /** Absent over a Unix socket. */
  readonly address?: string
  readonly port?: number
  /** The role may see the sessions of others. */
  readonly seesAll: boolean
  readonly inRecovery: boolean
}

/** A server's sessions at one moment: frozen plain data that `JSON.stringify` takes. */
export interface ServerSnapshot {
  /** UTC, by the server's clock. */
  readonly takenAt: string
  readonly server: ServerData
  /** Client sessions, and whatever else blocks or waits. Parallel workers are part of their leader. */
  readonly sessions: readonly ServerSession[]
  readonly waits: readonly LockWait[]
  readonly blocks: readonly Block[]
  readonly prepared: readonly PreparedTransaction[]
  /** How many sessions are there of which nothing else may be seen. */
  readonly hiddenSessions: number
  /** The statement that would show them. Absent if nothing is hidden. */
  readonly missingGrant?: string
}

/** A row of `pg_locks` that is not granted. */
export interface LockRow {
  readonly pid: number
  readonly lockType: string
  readonly mode: string
  readonly database?: number
  readonly relation?: number
  readonly page?: number
  readonly tuple?: number
  readonly virtualTransaction?: string
  readonly transaction?: string
  readonly classId?: number
  readonly objectId?: number
  readonly objectSubId?: number
  readonly advisoryKey?: string
  /** The row that the awaited transaction has locked, as far as the waiter shows it. */
  readonly row?: {
    readonly database: number
    readonly relation: number
    readonly page: number
    readonly tuple: number
  }
  readonly millis?: number
}
