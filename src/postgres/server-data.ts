/** A row of `pg_stat_activity`. Fields that the role may not see, or that have no value, are absent. */
export interface ServerSession {
  readonly pid: number
  /** True if the connected role may not see the session's details. */
  readonly hidden: boolean
  /** `client backend`, `autovacuum worker`, `walsender`, ... */
  readonly backendType?: string
  /** UTC to the microsecond. Identifies a session together with its pid. */
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
  /** The time since the last change of state. */
  readonly stateMillis?: number
  readonly transactionStart?: string
  /** The age of the open transaction. PostgreSQL does not keep the start of a failed transaction. */
  readonly transactionMillis?: number
  readonly waitEventType?: string
  readonly waitEvent?: string
  /** The running statement, or the last one. It may contain literals. */
  readonly query?: string
}

/** A lock, or a similar object, that a session waits for. */
export interface LockWait {
  readonly pid: number
  /** `relation`, `tuple`, `transactionid`, `virtualxid`, `advisory`, `object`, ...; or `safe-snapshot`. */
  readonly lockType: string
  /** The mode in `pg_locks`: `AccessExclusiveLock`. */
  readonly mode?: string
  /** The readable object of the wait: `public.accounts`, `a row of public.accounts`, `advisory lock 42`. */
  readonly target: string
  /** The name of the relation, if there is one and it belongs to this database. */
  readonly relation?: string
  /** A key that is equal for sessions that wait for the same object. */
  readonly object: string
  readonly millis?: number
}

/** One session blocks another. Either `blockerPid` or `blockerGid` is set. */
export interface Block {
  readonly blocked: number
  readonly blockerPid?: number
  /** The prepared transaction, or `?` if it could not be identified. */
  readonly blockerGid?: string
  /** `hard`: it holds a conflicting lock. `soft`: it waits ahead in the queue. */
  readonly kind: 'hard' | 'soft'
}

/** A transaction prepared for a two-phase commit: it has no session, and keeps its locks across restarts. */
export interface PreparedTransaction {
  readonly gid: string
  readonly owner: string
  readonly database: string
  readonly preparedAt: string
  readonly millis: number
}

/** The server, and the database and role of the connection. */
export interface ServerData {
  /** For example `18.4`. */
  readonly version: string
  /** For example 180004. */
  readonly versionNumber: number
  /** The connected database, the only one whose object names are known. */
  readonly database: string
  readonly databaseId: number
  readonly role: string
  /** Absent over a Unix socket. */
  readonly address?: string
  readonly port?: number
  /** True if the connected role may see sessions of other roles. */
  readonly seesAll: boolean
  readonly inRecovery: boolean
}

/** A server's sessions at one moment, frozen, plain and JSON-safe. Durations are milliseconds. */
export interface ServerSnapshot {
  /** UTC, by the server's clock. */
  readonly takenAt: string
  readonly server: ServerData
  /** The client sessions, and other processes that block or wait. Parallel workers are part of their leader. */
  readonly sessions: readonly ServerSession[]
  readonly waits: readonly LockWait[]
  readonly blocks: readonly Block[]
  readonly prepared: readonly PreparedTransaction[]
  /** The number of sessions whose details the connected role may not see. */
  readonly hiddenSessions: number
  /** The GRANT that would make them visible. Absent if nothing is hidden. */
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
  /** The row locked by the awaited transaction, as far as the waiter shows it. */
  readonly row?: {
    readonly database: number
    readonly relation: number
    readonly page: number
    readonly tuple: number
  }
  readonly millis?: number
}
