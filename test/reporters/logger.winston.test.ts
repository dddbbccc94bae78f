import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { createLogger, format, transports } from 'winston'
import { loggerReporter } from '../../src/index.ts'
import { sampleFinding } from './sample-findings.ts'

it('winston writes what it is given, at its own levels', async () => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const logger = createLogger({ format: format.json(), transports: [new transports.Stream({ stream })] })
  const reporter = loggerReporter(logger)
  const finding = sampleFinding()
  reporter.finding(finding)
  reporter.finding({ ...finding, certainty: 'certain' })
  reporter.resolved?.({ ...finding, resolution: 'released after 12 s' })
  await new Promise((resolve) => logger.end(resolve))
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      level: 'warn',
      message: expect.stringContaining('idle-transaction'),
      finding: { id: 'f1', pool: 'main' },
    },
    { level: 'error', finding: { certainty: 'certain' } },
    { level: 'info', message: expect.stringContaining('released after 12 s') },
  ])
})
