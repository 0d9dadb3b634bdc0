//! A frame that is lines of text, so that tables can be had without a library of frames.

use std::sync::Arc;

use lakewright::frame::{EmptyTable, Frame, Preview, StoredRows, Table, TablePlan};
use lakewright::{Column, Result};

#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(pub(crate) Arc<Vec<String>>);

impl Frame for Lines {
    fn into_table(self) -> Table {
        Table::new(self)
    }

    fn from_table(table: Table) -> Result<Self> {
        if table.is::<EmptyTable>() { Ok(Self::default()) } else { table.downcast() }
    }
}

impl TablePlan for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn is_eager(&self) -> bool {
        true
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        Ok(Vec::new())
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        Ok(Arc::new(*self))
    }

    fn preview(self: Box<Self>, _rows: usize) -> Result<Preview> {
        Ok(Preview { columns: Vec::new(), rows: Vec::new() })
    }

    fn share(&self) -> Option<Arc<dyn StoredRows>> {
        Some(Arc::new(self.clone()))
    }

    fn concat(self: Box<Self>, others: Vec<Table>) -> Result<Table> {
        let mut lines = self.0.to_vec();
        for other in others {
            lines.extend_from_slice(&Self::from_table(other)?.0);
        }
        Ok(Table::new(Self(Arc::new(lines))))
    }
}

impl StoredRows for Lines {
    fn table(&self, _columns: Option<&[String]>) -> Result<Table> {
        Ok(Table::new(self.clone()))
    }

    fn rows(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> u64 {
        self.0.iter().map(|line| line.len() as u64).sum()
    }

    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }
}
