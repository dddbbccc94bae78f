/** The environment of the command, by which its sessions are found and have a lock timeout. */
export interface ChildEnvironment {
  readonly env: NodeJS.ProcessEnv
  /** The application name of its sessions, unless the command sets its own. */
  readonly application: string
}

export interface EnvironmentAdditions {
  /** Unique to this run. */
  readonly token: string
  /** 0: none. */
  readonly lockTimeoutMillis: number
  readonly withOptions: boolean
}

/** PostgreSQL truncates application names to this length. */
const longestName = 63

/** Adds to the user's environment, and overwrites nothing. */
export function childEnvironment(
  env: NodeJS.ProcessEnv,
  { token, lockTimeoutMillis, withOptions }: EnvironmentAdditions,
): ChildEnvironment {
  const mark = `pg-lifeguard migrate ${token}`
  const own = env.PGAPPNAME ?? ''
  const application = own === '' ? mark : `${cutBytes(own, longestName - mark.length - 1)} ${mark}`
  const added = { ...env, PGAPPNAME: application }
  if (!withOptions || lockTimeoutMillis === 0) return { env: added, application }
  const given = env.PGOPTIONS ?? ''
  // The last setting counts, so ours would overwrite the user's. PostgreSQL accepts `--lock-timeout=1s`, too.
  if (/\block[_-]timeout\b/i.test(given)) return { env: added, application }
  const options = `${given} -c lock_timeout=${lockTimeoutMillis}ms`.trimStart()
  return { env: { ...added, PGOPTIONS: options }, application }
}

function cutBytes(text: string, most: number): string {
  let end = text.length
  while (Buffer.byteLength(text.slice(0, end)) > most) end -= 1
  return text.slice(0, end)
}
