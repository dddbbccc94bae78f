import type { CommandSpec } from '../command.ts'
import { connect } from '../common-options.ts'
import { exitCode } from '../exit-code.ts'
import { interruption } from '../interruption.ts'
import { endings } from './endings.ts'
import { openBrowser } from './open-browser.ts'
import { type PageCommandOptions, pageOptions } from './options.ts'
import { openPage } from './page-server.ts'
import { pageSource } from './page-source.ts'

export const page: CommandSpec = {
  name: 'page',
  description:
    'Serves a live page on this machine: who blocks whom on the server, who is idle in a transaction, and the pools of guarded services. A session can be ended there, after a preview. Runs until Ctrl-C.',
  options: pageOptions,
  notes: `The link that is printed opens the page in one browser; after that another one is printed. The page listens on
127.0.0.1 alone. It asks the server and the services only while somebody looks, and ends a session only as terminate
does: after a preview, and if it is still the same session in the same state.`,
  examples: [
    ['pg-lifeguard page --open', 'the server in DATABASE_URL or PGHOST'],
    [
      'pg-lifeguard page --app http://127.0.0.1:3000/lifeguard --app http://127.0.0.1:3001/lifeguard',
      'with the pools of two services',
    ],
  ],
  exitCodes: `Exit codes:
  0  ended by Ctrl-C or SIGTERM
  2  invalid usage
  3  no connection at the start`,
  async run(invocation) {
    const options = invocation.options as unknown as PageCommandOptions
    const { terminal, env } = invocation
    const first = await connect(invocation)
    const { target } = first
    await first.close()
    const { signal, stop } = interruption(['SIGINT', 'SIGTERM', 'SIGHUP'])
    await using source = pageSource({
      target,
      connect: () => connect(invocation),
      queryText: options.queryText,
      ...(options.database === undefined ? {} : { database: options.database }),
      apps: options.app ?? [],
      token: options.appToken ?? env.LIFEGUARD_TOKEN,
    })
    try {
      await using server = await openPage({
        port: options.port,
        read: () => source.read(),
        endings: endings(invocation, options),
        onLink: (link, isFirst) =>
          terminal.print(isFirst ? `${target}\n\n  ${link}\n` : `for another browser:\n\n  ${link}\n`),
      })
      if (options.open === true) openBrowser(server.link, (reason) => terminal.warn(reason))
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    } finally {
      stop()
    }
    return exitCode.clean
  },
}
