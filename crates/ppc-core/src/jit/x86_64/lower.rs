//! Which instructions have a lowering of their own.

use super::super::{
    loadstore,
    lower::{Lower, Lowered, by_id, lowerings},
};
use super::{
    add, atomic, condition, crypto, divide, emit::X64, float, float_move, float_vector, logical, multiply,
    permute, rotate, vector, vector_memory, vector_shift,
};
use crate::insn::RowId;
use std::sync::LazyLock;

static LOWERINGS: &[(RowId, Lower<X64>)] = lowerings! {
    add: add addc adde addi addic addic_rc addis addme addze neg subf subfc subfe subfic subfme subfze;
    divide: divd divdu divw divwu modsd modsw modud moduw;
    logical: and andc andi_rc andis_rc brd brh brw cmpb cntlzd cntlzw cnttzd cnttzw eqv extsb extsh extsw nand nor or orc ori oris
        popcntd popcntw prtyd prtyw xor xori xoris;
    multiply: maddhd maddhdu maddld mulhd mulhdu mulhw mulhwu mulld mulli mullw;
    rotate: extswsli rldcl rldcr rldic rldicl rldicr rldimi rlwimi rlwinm rlwnm sld slw srad sradi sraw srawi srd srw;
    condition: cmp cmpi cmpl cmpli crand crandc creqv crnand crnor cror crorc crxor isel mcrf mcrxrx mfcr mfocrf mfspr
        mtcrf mtocrf mtspr setb setbc setbcr setnbc setnbcr td tdi tw twi;
    loadstore: paddi dcbt dcbtst sync eieio;
    vector_memory: lfs lfsu lfsx lfsux stfs stfsu stfsx stfsux lxsspx stxsspx lxssp stxssp plfs pstfs plxssp pstxssp lxvw4x stxvw4x lxvh8x stxvh8x
        lxvb16x stxvb16x lxvdsx lxvwsx;
    atomic: lbarx lharx lwarx ldarx stbcx_rc sthcx_rc stwcx_rc stdcx_rc dcbz dcbf dcbst;
    vector: vand vandc vor vxor vnor vnand veqv vorc vsel xxland xxlandc xxlor xxlxor xxlnor xxlnand xxleqv xxlorc xxsel
        vaddubm vadduhm vadduwm vaddudm vsububm vsubuhm vsubuwm vsubudm vavgub vavguh vmaxub vmaxsh vmaxsb vmaxuh vmaxuw
        vmaxsw vminub vminsh vminsb vminuh vminuw vminsw vmuluwm vaddubs vadduhs vaddsbs vaddshs vsububs vsubuhs vsubsbs
        vsubshs vcmpequb vcmpequh vcmpequw vcmpequd vcmpgtsb vcmpgtsh vcmpgtsw vcmpgtsd vcmpgtub vcmpgtuh vcmpgtuw
        vcmpgtud vcmpneb vcmpneh vcmpnew vcmpnezb vcmpnezh vcmpnezw vabsdub vabsduh vnegw vnegd;
    permute: vmrghb vmrghh vmrghw vmrglb vmrglh vmrglw xxmrghw xxmrglw vmrgew vmrgow xxpermdi vsldoi xxsldwi vspltb vsplth
        vspltw xxspltw vspltisb vspltish vspltisw xxspltib xxbrh xxbrw xxbrd xxbrq vperm vpermr xxperm xxpermr lvsl lvsr
        mfvsrd mfvsrld mfvsrwz mtvsrd mtvsrwa mtvsrwz mtvsrdd mtvsrws;
    vector_shift: vslw vsrw vsraw vsld vsrd vrlw vrld vsl vsr vslo vsro vmulouw vmulosw vmuleuw vmulesw vmladduhm vpkuhum
        vpkuwum vpkudum vupkhsb vupklsb vupkhsh vupklsh vupkhsw vupklsw vextsw2d vpopcntd vpopcntb;
    float: fadd fadds fsub fsubs fmul fmuls fdiv fdivs fsqrt fsqrts fmadd fmadds fmsub fmsubs fnmadd fnmadds fnmsub
        fnmsubs frsp fcmpu fcmpo fcfid fcfids fcfidu fcfidus fctidz fctiduz fctiwz fctiwuz xsadddp xsaddsp xssubdp xssubsp
        xsmuldp xsmulsp xsdivdp xsdivsp xssqrtdp xssqrtsp xsrsp xsmaddadp xsmaddmdp xsmsubadp xsmsubmdp xsnmaddadp
        xsnmaddmdp xsnmsubadp xsnmsubmdp xsmaddasp xsmaddmsp xsmsubasp xsmsubmsp xsnmaddasp xsnmaddmsp xsnmsubasp
        xsnmsubmsp xscmpudp xscmpodp xscvsxddp xscvsxdsp xscvuxddp xscvuxdsp xscvdpsxds xscvdpuxds xscvdpsxws xscvdpuxws;
    float_vector: xvadddp xvaddsp xvsubdp xvsubsp xvmuldp xvmulsp xvdivdp xvdivsp xvsqrtdp xvsqrtsp xvmaddadp xvmaddmdp
        xvmsubadp xvmsubmdp xvnmaddadp xvnmaddmdp xvnmsubadp xvnmsubmdp xvmaddasp xvmaddmsp xvmsubasp xvmsubmsp xvnmaddasp
        xvnmaddmsp xvnmsubasp xvnmsubmsp;
    float_move: fmr fneg fabs fnabs fcpsgn fsel xsnegdp xsabsdp xsnabsdp xscpsgndp xvnegdp xvabsdp xvnabsdp xvcpsgndp
        xvnegsp xvabssp xvnabssp xvcpsgnsp;
    crypto: vcipher vcipherlast vncipher vncipherlast vpmsumd vpmsumw vshasigmaw vshasigmad;
};

impl Lowered for X64 {
    fn lowerings() -> &'static [Option<Lower<X64>>] {
        static BY_ID: LazyLock<Vec<Option<Lower<X64>>>> = LazyLock::new(|| by_id(LOWERINGS));
        &BY_ID
    }
}

#[cfg(test)]
#[test]
fn every_lowering_belongs_to_a_row() {
    super::super::lower::check(LOWERINGS);
}
