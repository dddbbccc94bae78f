/** PostgreSQL truncates longer names. */
const longestBytes = 63

export interface ApplicationProcess {
  readonly application: string
  /** The process on its host. */
  readonly pid: number
  readonly host: string
}

/** `orders (pid 4711 on web-3)`, in the characters and the length that PostgreSQL accepts. */
export function applicationName({ application, pid, host }: ApplicationProcess): string {
  const rest = ` (pid ${pid} on `
  const room = longestBytes - rest.length - 1
  const shortHost = printable(host).slice(0, Math.max(8, room - application.length))
  return `${printable(application).slice(0, room - shortHost.length)}${rest}${shortHost})`
}

/** The process that a name from `applicationName` describes. */
export function readApplicationName(name: string): ApplicationProcess | undefined {
  const [, application, pid, host] = /^(.+) \(pid (\d+) on ([^()]+)\)$/.exec(name) ?? []
  return application === undefined || host === undefined ? undefined : { application, pid: Number(pid), host }
}

/** The server replaces other characters anyway; a parenthesis would make the name ambiguous. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|[()]/g, '?')
}
