import type { QueryTextMode } from '../../sql/redaction.ts'
import type { Origins } from '../origins/patient-origins.ts'
import type { Pace } from '../pace.ts'
import type { ServerLook } from '../server-look.ts'
import type { Tell } from './events.ts'
import type { SignalRelay } from './signal-relay.ts'

/** One run of `migrate`: what it runs, what it may do, and what it works with. */
export interface Migration {
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The application name of the command's sessions, which no other run has. */
  readonly application: string
  /** For people: which server is looked at. */
  readonly target: string
  readonly policy: MigrationPolicy
  /** PGOPTIONS of the command sets a lock timeout. */
  readonly hasOptions: boolean
  /** A pooler between the command and the server is known, or suspected by the user. */
  readonly hasPooler: boolean
  /** The application names of the pooler's clients, by the pid of the session that each has now. */
  readonly poolerClients?: () => Promise<ReadonlyMap<number, string>>
  readonly server: ServerLook
  readonly origins: Origins
  readonly tell: Tell
  readonly pace: Pace
  readonly signals: SignalRelay
}

/** What the options allow. */
export interface MigrationPolicy {
  /** 0: none. */
  readonly lockTimeoutMillis: number
  /** Ends a root that has been idle in its transaction for this long. */
  readonly freeIdleMillis?: number
  /** Application names of sessions that are never ended, beside those that no policy ends. */
  readonly spare: readonly string[]
  /** How many sessions may wait behind the command. */
  readonly mostBehind?: number
  readonly retries: number
  readonly retryPauseMillis: number
  /** Exit code 0 counts as success, whatever the server says. */
  readonly trustExitCode: boolean
  readonly queryText: QueryTextMode
}
