/** What a script learns from the command line. */
export const exitCode = {
  /** Nothing blocks, or what was asked for is done. */
  clean: 0,
  /** Something blocks or idles beyond the limit, or is not done. */
  found: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** No connection to the server, or to the application that was named. */
  noConnection: 3,
  /** Nothing was found, but not everything could be seen. */
  notAllVisible: 4,
  /** A mistake in this program. */
  internal: 70,
  /** The output could not be written, to a full disk for instance; as `EX_IOERR`. */
  unwritten: 74,
  /** A command that was run did not get its locks; as `EX_TEMPFAIL`: another time it may. */
  locks: 75,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

export const exitCodesHelp = `Exit codes:
  0  clean
  1  something blocks or idles beyond the limit, or could not be ended
  2  the command line makes no sense
  3  no connection
  4  nothing found, but not everything is visible to the role`
