import { spawn } from 'node:child_process'

/** The program that opens a URL, by platform. */
export function openerOf(platform: NodeJS.Platform): readonly [command: string, ...args: string[]] {
  if (platform === 'darwin') return ['open']
  // `start` is of the shell, and takes a title first.
  if (platform === 'win32') return ['cmd', '/c', 'start', '""']
  return ['xdg-open']
}

/** Opens the page in the browser; without one the link is still on the terminal. */
export function openBrowser(url: string, warn: (reason: string) => void): void {
  const [command, ...args] = openerOf(process.platform)
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', (error) => warn(`pg-lifeguard: the browser could not be opened: ${error.message}`))
  child.unref()
}
