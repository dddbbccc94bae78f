/** The environment of the command: its sessions can be found, and give up a lock in time. */
export interface ChildEnvironment {
  readonly env: NodeJS.ProcessEnv
  /** The application name that its sessions have, unless the command sets its own. */
  readonly application: string
}

export interface EnvironmentAdditions {
  /** No other run has it. */
  readonly token: string
  /** 0: none. */
  readonly lockTimeoutMillis: number
  readonly withOptions: boolean
}

/** PostgreSQL cuts an application name after so many bytes. */
const longestName = 63

/** Adds to what the user has set, and overwrites none of it. */
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
  // The last one counts, so a second one would overwrite the user's. PostgreSQL takes `--lock-timeout=1s`, too.
  if (/\block[_-]timeout\b/i.test(given)) return { env: added, application }
  const options = `${given} -c lock_timeout=${lockTimeoutMillis}ms`.trimStart()
  return { env: { ...added, PGOPTIONS: options }, application }
}

function cutBytes(text: string, most: number): string {
  let end = text.length
  while (Buffer.byteLength(text.slice(0, end)) > most) end -= 1
  return text.slice(0, end)
}
