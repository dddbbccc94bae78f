import type { Ledger } from '../core/ledger.ts'
import { type Statistics, StatisticsKeeper } from '../core/statistics/statistics.ts'
import { OptionError } from '../errors.ts'
import type { Settings } from '../options.ts'
import type { Announcer } from './announcer.ts'

/** The statistics of one lifeguard. */
export interface StatisticsReporting {
  /** @throws OptionError unless the option `statistics` is on */
  data(): Statistics
  /** Reports the statistics if `reportStatistics` includes `close`, and stops. */
  close(): void
}

/** Keeps the statistics if an option asks for them, and reports them on its occasions. */
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
