import { readApplicationName } from '../sql/application-name.ts'
import type { ServerSession } from './server-data.ts'

const backupName = /^(?:pg_dump|pg_dumpall|pg_basebackup|pgBackRest|barman|wal-g|wal-e)(?:$|[^\w-])/
/** Statements that only pg_dump sends, to recognise it even if PGAPPNAME replaces its name. */
const dumpStatement =
  /^(?:EXECUTE (?:get|dump)[A-Z]\w*\(|COPY \S+\.\S+ \(.+\) TO stdout;$|LOCK TABLE \S+\.\S+ IN ACCESS SHARE MODE NOWAIT$|SET TRANSACTION SNAPSHOT '|SELECT pg_catalog\.pg_export_snapshot\(\))/s
const migrationName = /(?:^| )pg-lifeguard migrate [\da-f]{8}$/

/** PostgreSQL truncates application names to this length. */
const longestNameBytes = 63

/**
 * The reason why a policy must not end this session; undefined if it may. Backups, replication and other runs of
 * `pg-lifeguard migrate` are always spared: if the idle leader of a `pg_dump` is ended, it exits with 0 and the dump
 * lacks rows.
 *
 * @param sessions all sessions of the same snapshot: the workers of a dump identify its leader
 * @param applications the names that the user spares
 */
export function spareReason(
  session: ServerSession,
  sessions: readonly ServerSession[],
  applications: readonly string[] = [],
): string | undefined {
  const { application = '', backendType } = session
  if (backendType === 'walsender') return 'replication or a base backup: ending it interrupts it'
  if (backupName.test(application) || isOfDump(session, sessions)) return 'a backup: ending it spoils it'
  if (migrationName.test(application)) return 'a migration run by pg-lifeguard'
  const name = applications.find((one) => hasName(session, one))
  return name === undefined ? undefined : `spared by --spare application=${name}`
}

/** Whether the user spares the session by its application name. */
export function isSparedByName(session: ServerSession, applications: readonly string[]): boolean {
  return applications.some((name) => hasName(session, name))
}

/**
 * Whether the session is part of a dump. A worker imports the snapshot of its leader, so its transaction begins later.
 */
function isOfDump(session: ServerSession, sessions: readonly ServerSession[]): boolean {
  if (isDumping(session)) return true
  const { application, user, database, clientAddress, transactionStart } = session
  if (transactionStart === undefined) return false
  return sessions.some(
    (other) =>
      isDumping(other) &&
      other.application === application &&
      other.user === user &&
      other.database === database &&
      other.clientAddress === clientAddress &&
      other.transactionStart !== undefined &&
      other.transactionStart >= transactionStart,
  )
}

function isDumping({ query }: ServerSession): boolean {
  return query !== undefined && dumpStatement.test(query)
}

function hasName({ application }: ServerSession, name: string): boolean {
  if (application === undefined) return false
  return application === cut(name) || readApplicationName(application)?.application === name
}

function cut(name: string): string {
  return Buffer.from(name).subarray(0, longestNameBytes).toString()
}
