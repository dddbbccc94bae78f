/** Everything that can be judged without running the code, at the same time: types, lint and format, import directions. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** Command lines for the shell; npm has put `node_modules/.bin` on its path. */
const steps = {
  // Tests and examples import the package by its name, so its declarations must be there first.
  types: 'tsx scripts/build.ts && tsc --project tsconfig.json',
  'types of the page': 'tsc --project page',
  'lint and format': 'biome check --error-on-warnings',
  'import directions': 'depcruise --config .dependency-cruiser.mjs src examples',
}
const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }

const passed = await Promise.all(Object.entries(steps).map(([name, command]) => run(name, command)))
if (passed.includes(false)) process.exitCode = 1

async function run(name: string, command: string): Promise<boolean> {
  const start = performance.now()
  const child = spawn(`(${command}) 2>&1`, {
    shell: true,
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, ...colour },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stdout.write(
    code === 0 ? `${name}: ok (${seconds} s)\n` : `${name}: failed (${seconds} s)\n${output}\n`,
  )
  return code === 0
}
