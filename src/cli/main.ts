#!/usr/bin/env node
import { exitCode } from './exit-code.ts'
import { runCommandLine } from './program.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `pg-lifeguard check | head` closes the pipe early: there is nothing more to do.
  if (error.code === 'EPIPE') process.exit()
  process.stderr.write(`pg-lifeguard: the output cannot be written: ${error.message}\n`)
  process.exit(exitCode.unwritten)
})
// Messages without a reader are lost, but the program continues: a migration still needs its guard.
process.stderr.on('error', () => {})

try {
  process.exitCode = await runCommandLine(process.argv.slice(2), { script: process.argv[1] ?? '' })
} catch (error) {
  process.stderr.write('pg-lifeguard: this is a bug in pg-lifeguard, please report it\n')
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = exitCode.internal
}
