// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// OrderAttr
//===----------------------------------------------------------------------===//

// expected-error@+1 {{rank must be 1 to 3, but is 0}}
func.func private @order_c1_no_extent() attributes {a = #hilbert.order<hilbert, []>}

// -----

// expected-error@+1 {{rank must be 1 to 3, but is 4}}
func.func private @order_c1_four_extents() attributes {a = #hilbert.order<hilbert, [1, 2, 3, 4]>}

// -----

// expected-error@+1 {{extents must be positive, but extent 1 is 0}}
func.func private @order_c1_zero() attributes {a = #hilbert.order<hilbert, [4, 0]>}

// -----

// expected-error@+1 {{extents must be positive, but extent 0 is -9223372036854775808}}
func.func private @order_c1_negative() attributes {a = #hilbert.order<hilbert, [-9223372036854775808]>}

// -----

// expected-error@+1 {{extents must be at most 2147483647, but extent 0 is 9223372036854775807}}
func.func private @order_c1_extent_too_large() attributes {a = #hilbert.order<hilbert, [9223372036854775807, 9223372036854775807]>}

// -----

// expected-error@+1 {{the product of the extents must be at most 2147483647, but is 46341 x 46341}}
func.func private @order_c1_product_too_large() attributes {a = #hilbert.order<hilbert, [46341, 46341]>}

// -----

// expected-error@+1 {{the product of the extents must be at most 2147483647, but is 2147483647 x 2147483647 x 2147483647}}
func.func private @order_c1_product_overflows() attributes {a = #hilbert.order<hilbert, [2147483647, 2147483647, 2147483647]>}

// -----

// expected-error@+1 {{integer value too large}}
func.func private @order_c1_integer_too_large() attributes {a = #hilbert.order<hilbert, [99999999999999999999]>}

// -----

// expected-error@+1 {{tile must have one size per extent, 2, but has 1}}
func.func private @order_c2_rank() attributes {a = #hilbert.order<hilbert, [4, 4], tile = [2]>}

// -----

// expected-error@+1 {{tile must have a size for each extent, but got []}}
func.func private @order_c2_empty() attributes {a = #hilbert.order<hilbert, [4, 4], tile = []>}

// -----

// expected-error@+1 {{tile sizes must be positive, but size 1 is 0}}
func.func private @order_c2_zero() attributes {a = #hilbert.order<hilbert, [4, 4], tile = [2, 0]>}

// -----

// expected-error@+1 {{tile sizes must be positive, but size 0 is -1}}
func.func private @order_c2_negative() attributes {a = #hilbert.order<hilbert, [4, 4], tile = [-1, 2]>}

// -----

// expected-error@+1 {{tile sizes must be at most 2147483647, but size 0 is 9223372036854775807}}
func.func private @order_c2_too_large() attributes {a = #hilbert.order<hilbert, [4, 4], tile = [9223372036854775807, 2]>}

// -----

// expected-error@+1 {{length must be 1 to 16 (the product of the extents), but is 0}}
func.func private @order_c3_zero() attributes {a = #hilbert.order<hilbert, [4, 4], length = 0>}

// -----

// expected-error@+1 {{length must be 1 to 16 (the product of the extents), but is -1}}
func.func private @order_c3_negative() attributes {a = #hilbert.order<hilbert, [4, 4], length = -1>}

// -----

// expected-error@+1 {{length must be 1 to 16 (the product of the extents), but is 17}}
func.func private @order_c3_too_large() attributes {a = #hilbert.order<hilbert, [4, 4], length = 17>}

// -----

// expected-error@+1 {{length must be 16 (the product of the extents) where a tile is given, but is 15}}
func.func private @order_c3_tile() attributes {a = #hilbert.order<hilbert, [4, 4], tile = [2, 2], length = 15>}

// -----

// expected-error@+1 {{length must be 9 (the product of the extents) where a tile is given, but is 7}}
func.func private @order_c3_tile_of_bare_length() attributes {a = #hilbert.order<hilbert, 7, tile = [2, 2]>}

// -----

// expected-error@+1 {{length must be from 1 to 2147483647, but got 0}}
func.func private @order_bare_length_zero() attributes {a = #hilbert.order<hilbert, 0>}

// -----

// expected-error@+1 {{length must be from 1 to 2147483647, but got -5}}
func.func private @order_bare_length_negative() attributes {a = #hilbert.order<hilbert, -5>}

// -----

// expected-error@+1 {{length must be from 1 to 2147483647, but got 2147483648}}
func.func private @order_bare_length_too_large() attributes {a = #hilbert.order<hilbert, 2147483648>}

// -----

// expected-error@+1 {{integer value too large}}
func.func private @order_bare_length_integer_too_large() attributes {a = #hilbert.order<hilbert, 99999999999999999999>}

// -----

// expected-error@+1 {{curve must be hilbert, morton, snake or raster, but got 'peano'}}
func.func private @order_unknown_curve() attributes {a = #hilbert.order<peano, [4]>}

// -----

// expected-error@+1 {{expected ','}}
func.func private @order_no_grid() attributes {a = #hilbert.order<hilbert>}

// -----

// expected-error@+1 {{expected '['}}
func.func private @order_grid_is_a_word() attributes {a = #hilbert.order<hilbert, dense>}

// -----

// expected-error@+1 {{expected 'tile' or 'length', each at most once, but got 'tiles'}}
func.func private @order_unknown_key() attributes {a = #hilbert.order<hilbert, [4, 4], tiles = [2, 2]>}

// -----

// expected-error@+1 {{expected 'tile' or 'length', each at most once, but got 'tile'}}
func.func private @order_duplicate_tile() attributes {a = #hilbert.order<hilbert, [4, 4], tile = [2, 2], tile = [2, 2]>}

// -----

// expected-error@+1 {{expected 'tile' or 'length', each at most once, but got 'length'}}
func.func private @order_duplicate_length() attributes {a = #hilbert.order<hilbert, [4, 4], length = 3, length = 3>}

// -----

// expected-error@+1 {{expected 'tile' or 'length', each at most once, but got 'length'}}
func.func private @order_length_of_bare_length() attributes {a = #hilbert.order<hilbert, 16, length = 3>}

// -----

// expected-error@+1 {{expected valid keyword}}
func.func private @order_trailing_comma() attributes {a = #hilbert.order<hilbert, [4, 4], >}

// -----

//===----------------------------------------------------------------------===//
// BranchAttr
//===----------------------------------------------------------------------===//

// expected-error@+1 {{segment must be positive, but got 0}}
func.func private @branch_c1_zero() attributes {a = #hilbert.branch<segment = 0>}

// -----

// expected-error@+1 {{segment must be positive, but got -1}}
func.func private @branch_c1_negative() attributes {a = #hilbert.branch<segment = -1>}

// -----

// expected-error@+1 {{integer value too large}}
func.func private @branch_c1_too_large() attributes {a = #hilbert.branch<segment = 99999999999999999999>}

// -----

// expected-error@+1 {{expected integer value}}
func.func private @branch_c1_word() attributes {a = #hilbert.branch<segment = all>}

// -----

// expected-error@+1 {{dilation must be positive, but got 0}}
func.func private @branch_c2_zero() attributes {a = #hilbert.branch<segment = 4, dilation = 0>}

// -----

// expected-error@+1 {{dilation must be positive, but got -9223372036854775808}}
func.func private @branch_c2_negative() attributes {a = #hilbert.branch<segment = 4, dilation = -9223372036854775808>}

// -----

// expected-error@+1 {{dilation must be at most 2147483647, but got 2147483648}}
func.func private @branch_c2_too_large() attributes {a = #hilbert.branch<segment = 4, dilation = 2147483648>}

// -----

// expected-error@+1 {{mode residues takes no offset, but got head}}
func.func private @branch_c3_rule() attributes {a = #hilbert.branch<segment = 4, mode = residues, offset = head>}

// -----

// expected-error@+1 {{mode residues takes no offset, but got list}}
func.func private @branch_c3_list() attributes {a = #hilbert.branch<segment = 4, mode = residues, offset = [0]>}

// -----

// expected-error@+1 {{offset must be from 0 to dilation - 1 = 1, but got 2}}
func.func private @branch_c4_too_large() attributes {a = #hilbert.branch<segment = 4, dilation = 2, offset = [0, 2]>}

// -----

// expected-error@+1 {{offset must be from 0 to dilation - 1 = 1, but got -1}}
func.func private @branch_c4_negative() attributes {a = #hilbert.branch<segment = 4, dilation = 2, offset = [-1]>}

// -----

// expected-error@+1 {{offset must list one value for each head, but got []}}
func.func private @branch_offset_empty() attributes {a = #hilbert.branch<segment = 4, offset = []>}

// -----

// expected-error@+1 {{offset must be zero, head, longnet or a list, but got 'list'}}
func.func private @branch_offset_keyword_list() attributes {a = #hilbert.branch<segment = 4, offset = list>}

// -----

// expected-error@+1 {{expected valid keyword}}
func.func private @branch_offset_number() attributes {a = #hilbert.branch<segment = 4, offset = 3>}

// -----

// expected-error@+1 {{mode must be keys, both or residues, but got 'queries'}}
func.func private @branch_unknown_mode() attributes {a = #hilbert.branch<segment = 4, mode = queries>}

// -----

// expected-error@+1 {{a branch needs 'segment'}}
func.func private @branch_no_segment() attributes {a = #hilbert.branch<dilation = 2>}

// -----

// expected-error@+1 {{expected valid keyword}}
func.func private @branch_empty() attributes {a = #hilbert.branch<>}

// -----

// expected-error@+1 {{expected 'segment', 'dilation', 'mode' or 'offset', each at most once, but got 'segment'}}
func.func private @branch_duplicate_segment() attributes {a = #hilbert.branch<segment = dense, segment = 8>}

// -----

// expected-error@+1 {{expected 'segment', 'dilation', 'mode' or 'offset', each at most once, but got 'offset'}}
func.func private @branch_duplicate_offset() attributes {a = #hilbert.branch<segment = 4, offset = [0], offset = zero>}

// -----

// expected-error@+1 {{expected 'segment', 'dilation', 'mode' or 'offset', each at most once, but got 'window'}}
func.func private @branch_unknown_key() attributes {a = #hilbert.branch<segment = 4, window = 8>}

// -----

//===----------------------------------------------------------------------===//
// HeadGroupAttr, PatternAttr
//===----------------------------------------------------------------------===//

// expected-error@+1 {{a head group's heads must be positive, but got 0}}
func.func private @head_group_c1_zero() attributes {a = #hilbert.head_group<0, (segment = 4)>}

// -----

// expected-error@+1 {{a head group's heads must be positive, but got -1}}
func.func private @head_group_c1_negative() attributes {a = #hilbert.head_group<-1, (segment = 4)>}

// -----

// expected-error@+1 {{expected '('}}
func.func private @head_group_c2() attributes {a = #hilbert.head_group<4, >}

// -----

// expected-error@+1 {{expected valid keyword}}
func.func private @head_group_empty_branch() attributes {a = #hilbert.head_group<4, ()>}

// -----

// expected-error@+1 {{expected '('}}
func.func private @pattern_c1_empty() attributes {a = #hilbert.pattern<>}

// -----

// expected-error@+1 {{expected 'heads'}}
func.func private @pattern_c1_mixed() attributes {a = #hilbert.pattern<heads 4: (segment = 4), (segment = 4)>}

// -----

// expected-error@+1 {{expected '('}}
func.func private @pattern_trailing_plus() attributes {a = #hilbert.pattern<(segment = 4) + >}

// -----

// expected-error@+1 {{expected '>'}}
func.func private @pattern_comma() attributes {a = #hilbert.pattern<(segment = 4), (segment = 8)>}

// -----

// expected-error@+1 {{a head group's heads must be positive, but got 0}}
func.func private @pattern_group_zero() attributes {a = #hilbert.pattern<heads 0: (segment = 4)>}

// -----

// expected-error@+1 {{expected '('}}
func.func private @pattern_group_without_branch() attributes {a = #hilbert.pattern<heads 2: >}

// -----

// expected-error@+1 {{segment must be positive, but got 0}}
func.func private @pattern_bad_branch() attributes {a = #hilbert.pattern<(segment = 4) + (segment = 0)>}

// -----

//===----------------------------------------------------------------------===//
// HostScheduleAttr
//===----------------------------------------------------------------------===//

// expected-error@+1 {{lanes must be a power of two from 4 to 64, but got 12}}
func.func private @host_schedule_c1_not_a_power_of_two() attributes {a = #hilbert.host_schedule<lanes = 12, columns = 12, rows = 4>}

// -----

// expected-error@+1 {{lanes must be a power of two from 4 to 64, but got 2}}
func.func private @host_schedule_c1_too_small() attributes {a = #hilbert.host_schedule<lanes = 2, columns = 4, rows = 4>}

// -----

// expected-error@+1 {{lanes must be a power of two from 4 to 64, but got 128}}
func.func private @host_schedule_c1_too_large() attributes {a = #hilbert.host_schedule<lanes = 128, columns = 128, rows = 4>}

// -----

// expected-error@+1 {{lanes must be a power of two from 4 to 64, but got -4}}
func.func private @host_schedule_c1_negative() attributes {a = #hilbert.host_schedule<lanes = -4, columns = 4, rows = 4>}

// -----

// expected-error@+1 {{columns must be a positive multiple of lanes = 4, but got 6}}
func.func private @host_schedule_c2_not_a_multiple() attributes {a = #hilbert.host_schedule<lanes = 4, columns = 6, rows = 4>}

// -----

// expected-error@+1 {{columns must be a positive multiple of lanes = 4, but got 0}}
func.func private @host_schedule_c2_zero() attributes {a = #hilbert.host_schedule<lanes = 4, columns = 0, rows = 4>}

// -----

// expected-error@+1 {{rows must be a positive multiple of 4, but got 6}}
func.func private @host_schedule_c3_not_a_multiple() attributes {a = #hilbert.host_schedule<lanes = 4, columns = 4, rows = 6>}

// -----

// expected-error@+1 {{rows must be a positive multiple of 4, but got -4}}
func.func private @host_schedule_c3_negative() attributes {a = #hilbert.host_schedule<lanes = 4, columns = 4, rows = -4>}

// -----

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

// expected-error@+1 {{unknown attribute `grid` in dialect `hilbert`}}
func.func private @unknown_attribute() attributes {a = #hilbert.grid<4>}

// -----

// expected-error@+2 {{expected ::hilbert::Causality to be one of: none, token, position}}
// expected-error@+1 {{failed to parse Hilbert_CausalityAttr parameter 'value'}}
func.func private @unknown_causality() attributes {a = #hilbert.causality<causal>}

// -----

// expected-error@+2 {{expected ::hilbert::Layout to be one of: bnhd, bhnd}}
// expected-error@+1 {{failed to parse Hilbert_LayoutAttr parameter 'value'}}
func.func private @unknown_layout() attributes {a = #hilbert.layout<bhdn>}
