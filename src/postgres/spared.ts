import { readApplicationName } from '../sql/application-name.ts'
import type { ServerSession } from './server-data.ts'

const backupName = /^(?:pg_dump|pg_dumpall|pg_basebackup|pgBackRest|barman|wal-g|wal-e)(?:$|[^\w-])/
/** Also where PGAPPNAME hides the name: prepared statements and spellings that only pg_dump has. */
const dumpStatement =
  /^(?:EXECUTE (?:get|dump)[A-Z]\w*\(|COPY \S+\.\S+ \(.+\) TO stdout;$|LOCK TABLE \S+\.\S+ IN ACCESS SHARE MODE NOWAIT$|SET TRANSACTION SNAPSHOT '|SELECT pg_catalog\.pg_export_snapshot\(\))/s
const migrationName = /(?:^| )pg-lifeguard migrate [\da-f]{8}$/

/** PostgreSQL cuts an application name after so many bytes. */
const longestNameBytes = 63

/**
 * Why a policy must not end this session, or undefined if it may. Backups, replication and other runs of
 * `pg-lifeguard migrate` are always spared: `pg_dump` exits with 0 after its idle leader was ended, and the dump lacks rows.
 *
 * @param sessions all that were seen with it: the workers of a dump give away their leader
 * @param applications names that the user spares
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

/** The user spares the session, whatever it is. */
export function isSparedByName(session: ServerSession, applications: readonly string[]): boolean {
  return applications.some((name) => hasName(session, name))
}

/** A worker of a parallel dump takes over the snapshot of its leader, so that its transaction begins later. */
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
