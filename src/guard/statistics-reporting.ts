import type { Ledger } from '../core/ledger.ts'
import { type Statistics, StatisticsKeeper } from '../core/statistics/statistics.ts'
import { OptionError } from '../errors.ts'
import type { Settings } from '../options.ts'
import type { Announcer } from './announcer.ts'

/** The statistics of one lifeguard. */
export interface StatisticsReporting {
  /** @throws OptionError if none are kept */
  data(): Statistics
  /** Reports them a last time, if that was asked for, and stops. */
  close(): void
}

/** Keeps statistics where they are asked for, and reports them when they are. */
export function keepStatistics(
  settings: Settings,
  ledger: Ledger,
  announcer: Announcer,
): StatisticsReporting {
  if (!settings.statistics) {
    return {
      data() {
        throw new OptionError('statistics', 'must be true for lifeguard.statistics()', false)
      },
      close() {},
    }
  }
  const keeper = new StatisticsKeeper(settings.clock.epochMillis())
  const stop = ledger.observe(keeper)
  const report = () => announcer.statistics(keeper.data())
  const signals = settings.reportStatistics.filter((occasion) => occasion !== 'close')
  for (const signal of signals) process.on(signal, report)
  let closed = false
  return {
    data: () => keeper.data(),
    close() {
      if (closed) return
      closed = true
      stop()
      for (const signal of signals) process.removeListener(signal, report)
      if (settings.reportStatistics.includes('close')) report()
    },
  }
}
