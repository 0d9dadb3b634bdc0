//! Nothing but its dependencies: whoever checks one feature of `lakewright` together with this package gets those that are checked
//! already, since cargo gives a dependency the features that all selected packages ask for.

#![forbid(unsafe_code)]
