//! How Han characters are read in the names of places.

use pinyin::ToPinyin;

/// Further readings that occur in names of places, beside the reading that the dictionary gives first.
const POLYPHONES: &str = "重:chong,zhong 长:chang,zhang 行:hang,xing 乐:le,yue,lao 都:du,dou 厦:xia,sha 朝:chao,zhao 会:hui,kuai \
曾:zeng,ceng 单:dan,shan,chan 区:qu,ou 解:jie,xie 查:cha,zha 盖:gai,ge 藏:zang,cang 调:diao,tiao 堡:bao,pu,bu 埔:pu,bu \
蚌:bang,beng 六:liu,lu 番:fan,pan 参:can,shen 车:che,ju 传:chuan,zhuan 还:huan,hai 系:xi,ji 贾:jia,gu 降:jiang,xiang \
角:jiao,jue 校:xiao,jiao 觉:jue,jiao 绿:lv,lu 落:luo,la,lao 牟:mou,mu 弄:nong,long 朴:pu,piao 强:qiang,jiang 仇:chou,qiu \
塞:sai,se 色:se,shai 石:shi,dan 宿:su,xiu 拓:tuo,ta 提:ti,di 屯:tun,zhun 万:wan,mo 尾:wei,yi 尉:wei,yu 巷:xiang,hang \
叶:ye,xie 员:yuan,yun 幢:chuang,zhuang 陂:bei,pi,po 泊:bo,po 枞:zong,cong 阿:a,e 涌:yong,chong 峒:dong,tong 洞:dong,tong \
浒:hu,xu 莘:shen,xin 莞:guan,wan 荥:xing,ying 歙:she,xi 栎:li,yue 渑:mian,sheng 泌:mi,bi 漯:luo,ta 龟:gui,qiu,jun \
盛:sheng,cheng 折:zhe,she 种:zhong,chong 中:zhong 地:di,de 大:da,dai 了:liao,le 着:zhe,zhao,zhuo 和:he,huo 难:nan 好:hao \
什:shi,shen 冠:guan 宁:ning 合:he,ge 沈:shen,chen 吴:wu 佛:fo,fu 术:shu,zhu 卜:bu,bo 适:shi,kuo 圩:wei,xu 峪:yu 硲:yu \
隆:long 洗:xi,xian 冼:xian 佘:she 俞:yu,shu 句:ju,gou 勾:gou 柏:bai,bo 薄:bo,bao 伯:bo,bai 壳:ke,qiao 吓:xia,he 呷:xia,ga \
咀:zui,ju 嘴:zui 坏:huai 坊:fang 垌:dong,tong 埭:dai 埕:cheng 塔:ta 夹:jia,ga 夏:xia 奇:qi,ji 子:zi 家:jia,gu 将:jiang,qiang \
少:shao 崴:wai,wei 差:cha,chai 巴:ba 干:gan 应:ying 度:du,duo 庙:miao 彭:peng 徐:xu 扎:zha,za 挡:dang 斗:dou 晃:huang \
暴:bao,pu 曲:qu 更:geng 便:bian,pian 期:qi,ji 杉:shan,sha 杠:gang 枝:zhi,qi 柜:gui,ju 柞:zuo,zha 栅:zha,shan 模:mo,mu \
横:heng 汗:han 汤:tang,shang 沌:dun,zhuan 沱:tuo 浅:qian,jian 济:ji 涡:wo,guo 湛:zhan 溪:xi 潭:tan 澄:cheng,deng 炮:pao \
燕:yan 甸:dian 畜:xu,chu 相:xiang 省:sheng,xing 瓦:wa 磨:mo 称:cheng,chen 空:kong 筠:jun,yun 粘:zhan,nian 给:gei,ji \
缪:miao,mou 耙:ba,pa 脉:mai,mo 臭:chou,xiu 舍:she 艾:ai,yi 荨:xun,qian 蒙:meng 蔓:man,wan 薛:xue 血:xue,xie 衙:ya 褚:chu,zhu \
覃:tan,qin 角:jiao,jue 识:shi,zhi 谷:gu,yu 轧:zha,ya 辟:pi,bi 逢:feng,pang 那:na,nuo 郇:xun,huan 鄱:po 铅:qian,yan 铺:pu \
镐:gao,hao 钻:zuan 长:chang,zhang 阐:chan 陆:lu,liu 隗:wei,kui 革:ge,ji 馏:liu 骑:qi,ji 鲜:xian 鸟:niao,diao 黑:hei";

/// The readings of a character without tones (`v` for ü), the most usual first; none when it is not a Han character
/// of the basic block.
pub(crate) fn readings(c: char) -> Vec<String> {
    let Some(first) = c.to_pinyin() else { return Vec::new() };
    let plain: String = first.plain().chars().map(|c| if c == 'ü' { 'v' } else { c }).collect();
    let mut readings: Vec<String> = vec![plain];
    if let Some((_, listed)) =
        POLYPHONES.split_whitespace().filter_map(|entry| entry.split_once(':')).find(|(han, _)| han.starts_with(c))
    {
        for reading in listed.split(',') {
            if !readings.iter().any(|known| known == reading) {
                readings.push(reading.to_owned());
            }
        }
    }
    readings.retain(|reading| !reading.is_empty() && reading.bytes().all(|byte| byte.is_ascii_lowercase()));
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_the_readings_that_names_use() {
        for (c, expected) in [('山', &["shan"][..]), ('绿', &["lv", "lu"]), ('a', &[]), ('あ', &[])] {
            assert_eq!(readings(c), expected, "{c}");
        }
        for (c, wanted) in [('重', "chong"), ('厦', "xia"), ('长', "zhang"), ('会', "kuai"), ('行', "hang")] {
            assert!(readings(c).iter().any(|reading| reading == wanted), "{c} {wanted}");
        }
    }
}
