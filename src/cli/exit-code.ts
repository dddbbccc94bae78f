/** The exit codes of the command line. */
export const exitCode = {
  /** Nothing blocks, or the request was carried out. */
  clean: 0,
  /** Something blocks or idles beyond the limit, or the request could not be carried out. */
  found: 1,
  /** Invalid usage: unknown, missing or invalid options. */
  usage: 2,
  /** No connection to the server; for `verify`, to the application. */
  noConnection: 3,
  /** Nothing was found, but not everything could be seen. */
  notAllVisible: 4,
  /** A bug in this program. */
  internal: 70,
  /** The output could not be written, to a full disk for instance; as `EX_IOERR`. */
  unwritten: 74,
  /** The command that `migrate` ran did not get its locks; as `EX_TEMPFAIL`: a retry may succeed. */
  locks: 75,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

export const exitCodesHelp = `Exit codes:
  0  clean
  1  something blocks or is idle beyond the limit, or could not be ended
  2  invalid usage
  3  no connection
  4  nothing found, but not everything is visible to the role`
