import { it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { expectRightAttribution } from './attribution.ts'

const db = useDatabase()

it('names the right request for each leak among hundreds, some aborted, that share five clients', () =>
  expectRightAttribution(db, 400))
