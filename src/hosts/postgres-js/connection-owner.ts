import type { Client } from '../../client/types.ts'

/** The owner of a connection: the callback of `sql.begin`, or the caller of `sql.reserve`. */
export interface ConnectionOwner {
  /** The client or handle through which its statements are sent. */
  readonly handle: Client
  /** `begin`: the driver takes the connection back as soon as no transaction is open. */
  readonly by: 'begin' | 'reserve'
  /** Ends its checkout; remedies may delay `giveBack`. */
  release(giveBack: () => void): void
  /** The error with which its connection was lost. */
  lost: Error | undefined
  /** A remedy has closed its session. */
  isDestroyed: boolean
}
