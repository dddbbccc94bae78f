/** Returns the command that ends the selection, such as `--pid 4711`, for pasting. */
export type TerminateCommand = (selection: string) => string

/**
 * The command that runs this program again, by the environment variables of the package manager that started it: a
 * program installed in a project is not on the path of a shell.
 */
export function selfCommand(env: NodeJS.ProcessEnv, script = ''): string {
  const agent = env.npm_config_user_agent ?? ''
  if (agent.startsWith('pnpm/')) return 'pnpm exec pg-lifeguard'
  if (agent.startsWith('yarn/')) return 'yarn pg-lifeguard'
  if (agent.startsWith('bun/')) return 'bunx pg-lifeguard'
  const isInProject = /[\\/]node_modules[\\/]/.test(script) && !/[\\/]lib[\\/]node_modules[\\/]/.test(script)
  return agent.startsWith('npm/') || isInProject ? 'npx pg-lifeguard' : 'pg-lifeguard'
}

/** The terminate command for the same server, without a password in `url`, because it ends up in a shell's history. */
export function terminateCommand(self: string, url?: string): TerminateCommand {
  const server = url === undefined ? '' : ` --url ${shellWord(withoutPassword(url))}`
  return (selection) => `${self} terminate ${selection}${server}`
}

function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/?#:@]*):.*@/, '$1@').replace(/([?&])password=[^&]*&?/, '$1')
}

/** One word for a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w:/@.%=+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
