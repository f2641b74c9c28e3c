/** What the quick action "Restyle with…" suggests while the user types. */
import { messageOf } from '../common/errors';
import { listStyles } from './styles';

/** Percent; 100 is as learned. */
const STRENGTHS = [100, 75, 50, 25, 150];
const STRONGEST = 300;

/** Answers one key press. Never throws: an error shows in place of the suggestions. */
export async function suggest({ key, query, result }: ParameterInputEvent): Promise<void> {
  try {
    if (key === 'style') await suggestStyles(query, result);
    else if (key === 'strength') suggestStrengths(query, result);
  } catch (error) {
    result.setError(messageOf(error));
  }
}

async function suggestStyles(query: string, result: SuggestionResults): Promise<void> {
  result.setLoadingMessage('Looking for styles…');
  const { styles } = await listStyles();
  if (styles.length === 0) return result.setError('There is no style yet: learn one first, with Learn a style.');
  const wanted = query.trim().toLowerCase();
  const found = styles.filter(({ name }) => name.toLowerCase().includes(wanted));
  if (found.length === 0) return result.setError(`No style is called “${query.trim()}”.`);
  result.setSuggestions(
    found.map(({ id, name, thumbnail }) => ({ name, data: id, ...(thumbnail ? { icon: thumbnail } : {}) })),
  );
}

function suggestStrengths(query: string, result: SuggestionResults): void {
  const typed = query.trim().replace(/\s*%$/, '');
  const percent = Number(typed);
  if (!typed) return result.setSuggestions(STRENGTHS.map(suggestion));
  if (!Number.isFinite(percent) || percent < 0 || percent > STRONGEST) {
    return result.setError(`Type a strength from 0 to ${STRONGEST} %.`);
  }
  result.setSuggestions([suggestion(percent)]);
}

const suggestion = (percent: number) => ({ name: `${percent} %`, data: percent / 100 });
