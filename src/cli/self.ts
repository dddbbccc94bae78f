/** The command that ends what is selected, such as `--pid 4711`, to be pasted. */
export type TerminateCommand = (selection: string) => string

/**
 * How the user runs this program again, by what the package manager that started it leaves in the environment: what is
 * installed in a project is not on the path of a shell.
 */
export function selfCommand(env: NodeJS.ProcessEnv, script = ''): string {
  const agent = env.npm_config_user_agent ?? ''
  if (agent.startsWith('pnpm/')) return 'pnpm exec pg-lifeguard'
  if (agent.startsWith('yarn/')) return 'yarn pg-lifeguard'
  if (agent.startsWith('bun/')) return 'bunx pg-lifeguard'
  const isInProject = /[\\/]node_modules[\\/]/.test(script) && !/[\\/]lib[\\/]node_modules[\\/]/.test(script)
  return agent.startsWith('npm/') || isInProject ? 'npx pg-lifeguard' : 'pg-lifeguard'
}

/** The command for the same server. A password in `url` is left out: what is pasted ends up in a shell's history. */
export function terminateCommand(self: string, url?: string): TerminateCommand {
  const server = url === undefined ? '' : ` --url ${shellWord(withoutPassword(url))}`
  return (selection) => `${self} terminate ${selection}${server}`
}

function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/?#:@]*):.*@/, '$1@').replace(/([?&])password=[^&]*&?/, '$1')
}

/** As a POSIX shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w:/@.%=+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
