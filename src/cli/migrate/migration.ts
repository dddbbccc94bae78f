import type { Pace } from '../../postgres/look/pace.ts'
import type { ServerLook } from '../../postgres/look/server-look.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import type { Origins } from '../origins/patient-origins.ts'
import type { Emit } from './events.ts'
import type { SignalRelay } from './signal-relay.ts'

/** One run of `migrate`: its command, its policy and its parts. */
export interface Migration {
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The application name of the command's sessions, unique to this run. */
  readonly application: string
  /** The readable name of the watched server. */
  readonly target: string
  readonly policy: MigrationPolicy
  /** True if the command's PGOPTIONS sets a lock timeout. */
  readonly hasOptions: boolean
  /** True if a pooler is known to be between the command and the server, or the user expects one. */
  readonly hasPooler: boolean
  /** The application names of the pooler's clients, by the pid of their present session. */
  readonly poolerClients?: () => Promise<ReadonlyMap<number, string>>
  readonly server: ServerLook
  readonly origins: Origins
  readonly emit: Emit
  readonly pace: Pace
  readonly signals: SignalRelay
}

/** The policy that the options set. */
export interface MigrationPolicy {
  /** 0: none. */
  readonly lockTimeoutMillis: number
  /** A root that has been idle in its transaction for this time is ended. */
  readonly freeIdleMillis?: number
  /** The application names of sessions that are never ended, in addition to those that no policy ends. */
  readonly spare: readonly string[]
  /** The maximum number of sessions that may wait behind the command. */
  readonly mostBehind?: number
  readonly retries: number
  readonly retryPauseMillis: number
  /** True if exit code 0 counts as success even if the server refused a statement. */
  readonly trustExitCode: boolean
  readonly queryText: QueryTextMode
}
