import { it } from 'vitest'
import { expectRightAttribution } from '../../http/attribution.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

it('names the right request for each leak among thousands, some aborted, that share five clients', () =>
  expectRightAttribution(db, 2_000))
