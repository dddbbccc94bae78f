export { ConnectionError, UnsupportedServerError } from '../errors.ts'
export {
  type BlockingNode,
  type BlockingTree,
  blockedBehind,
  blockingTree,
  deadlocks,
  freedBy,
  sessionId,
} from './blocking/tree.ts'
export {
  type ControlConnection,
  type ControlOptions,
  connectControl,
} from './connection/control-connection.ts'
export type { ConnectionOptions } from './connection/settings.ts'
export { databasePart } from './database-part.ts'
export type { QueryClient } from './query-client.ts'
export { type SafetyNet, safetyNets } from './safety-nets.ts'
export type {
  Block,
  LockWait,
  PreparedTransaction,
  ServerData,
  ServerSession,
  ServerSnapshot,
} from './server-data.ts'
export { serverSnapshot } from './server-snapshot.ts'
export {
  cancelSession,
  type SessionIdentity,
  type SignalOptions,
  type SignalOutcome,
  type SignalResult,
  terminateSession,
} from './terminate.ts'
