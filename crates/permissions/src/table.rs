//! A map for things read often and changed rarely: sorted vectors, no hashing, no slack per entry.

/// A sorted map. Lookup is a binary search, change moves the tail: right for the tens of roles and the hundreds of
/// overrides a channel has, wrong for the hundreds of thousands of members a server has.
///
/// Keys lie together, apart from their values, so that a search touches few cache lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
}

/// A sorted set.
pub type Set<K> = Table<K, ()>;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }
}

impl<K: Ord, V> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(self.keys.binary_search(key).ok()?)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(self.keys.binary_search(key).ok()?)
    }

    pub fn has(&self, key: &K) -> bool {
        self.keys.binary_search(key).is_ok()
    }

    /// Returns the value that was there.
    pub fn put(&mut self, key: K, value: V) -> Option<V> {
        match self.keys.binary_search(&key) {
            Ok(at) => self.values.get_mut(at).map(|old| std::mem::replace(old, value)),
            Err(at) => {
                self.keys.insert(at, key);
                self.values.insert(at, value);
                None
            }
        }
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.keys.binary_search(key).ok()?;
        self.keys.remove(at);
        Some(self.values.remove(at))
    }

    /// In the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.keys.iter().zip(&self.values)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The last of two equal keys stays.
impl<K: Ord, V> FromIterator<(K, V)> for Table<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut rows: Vec<(K, V)> = pairs.into_iter().collect();
        // The sort is stable and `dedup_by` keeps the first of a run: so turn the rows round first.
        rows.reverse();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        rows.dedup_by(|(later, _), (kept, _)| later == kept);
        let (keys, values) = rows.into_iter().unzip();
        Self { keys, values }
    }
}

impl<K: Ord> FromIterator<K> for Set<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        keys.into_iter().map(|key| (key, ())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_keys_stays() {
        let table: Table<u8, char> = [(2, 'a'), (1, 'b'), (2, 'c')].into_iter().collect();
        assert_eq!(table.iter().collect::<Vec<_>>(), [(&1, &'b'), (&2, &'c')]);
    }

    #[test]
    fn put_and_remove_keep_the_order() {
        let mut table = Table::default();
        for key in [5, 1, 4, 1, 3] {
            table.put(key, key * 10);
        }
        assert_eq!(table.remove(&4), Some(40));
        assert_eq!(table.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!((table.get(&3), table.get(&4)), (Some(&30), None));
    }
}
