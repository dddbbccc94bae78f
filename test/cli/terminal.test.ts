import { spawnSync } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { processTerminal } from '../../src/cli/terminal.ts'
import { exitCode } from './command-line.ts'
import { commandLine } from './spawned.ts'

describe('the terminal of this process', () => {
  it('has colours as its streams have, and none with --no-color', () => {
    const text = (noColor: boolean) => processTerminal(noColor, { FORCE_COLOR: '1' }).style('red', 'text')
    expect(text(false)).toBe('\u001b[31mtext\u001b[39m')
    expect(text(true)).toBe('text')
    expect(processTerminal(false, { NO_COLOR: '1' }).style('red', 'text')).toBe('text')
  })
})

describe('output', () => {
  it.runIf(existsSync('/dev/full'))('that cannot be written is an error of its own, told in a line', () => {
    const { status, stderr } = spawnSync(process.execPath, [commandLine(), '--help'], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      encoding: 'utf8',
    })
    expect(stderr).toMatch(/^pg-lifeguard: the output cannot be written: ENOSPC.*\n$/)
    expect(status).toBe(exitCode.unwritten)
  })
})
