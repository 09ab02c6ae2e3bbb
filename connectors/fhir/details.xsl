<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- details.xsl - when and where it happened, the details of birth, foetal death and death, other records that are named. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns:f="http://hl7.org/fhir" xmlns="urn:kinward:record:1"
  exclude-result-prefixes="kw j f">

  <xsl:key name="observed" match="j:map[@key = 'resource']" use="concat(generate-id(../../..), '/', j:map[@key = 'code']/j:array[@key = 'coding']/j:map[1]/j:string[@key = 'code'])"/>
  <xsl:key name="observed" match="f:resource/f:*" use="concat(generate-id(../../..), '/', f:code/f:coding[1]/f:code/@value)"/>

  <!-- What a code can be that is taken, and what is left out for the reasons that README.md gives. Anything else is warned of. -->
  <xsl:variable name="taken" select="' 39016-1 57712-2 87300-0 80913-7 21843-8 81956-5 69449-7 69453-9 69441-4 85699-7 69442-2 80905-3 74498-7 8339-4 11884-4 57722-1 8665-2 68499-8 68493-6 11638-4 childbirthrecordidentifier decedentbirthrecordidentifier fetaldeathrecordidentifier 308646001 '"/>
  <xsl:variable name="left" select="' inputraceandethnicity inputraceandethnicityMother inputraceandethnicityFather codedraceandethnicityMother codedraceandethnicityFather emergingissues 55280-2 74497-9 69443-0 11374-6 80992-1 73780-9 73812-0 72519-2 73814-6 '"/>
  <xsl:variable name="left-categories" select="' 73813-8 73775-9 73780-9 '"/>

  <!-- == when and where == -->

  <xsl:template name="event">
    <xsl:variable name="observed" select="key('observed', concat(generate-id($document), '/81956-5'))[1]"/>
    <xsl:variable name="locations" select="key('resource', concat(generate-id($document), '/Location'))"/>
    <event>
      <xsl:choose>
        <xsl:when test="$event = 'death'">
          <xsl:call-template name="date"><xsl:with-param name="element" select="'date'"/><xsl:with-param name="of" select="$observed"/><xsl:with-param name="name" select="'valueDateTime'"/><xsl:with-param name="needed" select="true()"/></xsl:call-template>
          <xsl:variable name="location" select="$locations[key('at', concat(generate-id(), '/type/coding/code')) = 'death'][1]"/>
          <xsl:variable name="component" select="key('at', concat(generate-id($observed), '/component'))[key('at', concat(generate-id(), '/code/coding/code')) = '58332-8']"/>
          <xsl:call-template name="place">
            <xsl:with-param name="element" select="'place'"/>
            <xsl:with-param name="address" select="key('at', concat(generate-id($location), '/address'))"/>
            <xsl:with-param name="location" select="$location"/>
            <xsl:with-param name="kind" select="key('at', concat(generate-id($component), '/valueCodeableConcept'))"/>
          </xsl:call-template>
        </xsl:when>
        <xsl:otherwise>
          <xsl:call-template name="date"><xsl:with-param name="element" select="'date'"/><xsl:with-param name="of" select="$subject"/><xsl:with-param name="name" select="'birthDate'"/><xsl:with-param name="needed" select="true()"/></xsl:call-template>
          <xsl:variable name="location" select="$locations[key('at', concat(generate-id(), '/type/coding/code')) = 'loc_birth'][1]"/>
          <xsl:variable name="birthplace" select="key('at', concat(generate-id(key('extension', concat(generate-id($subject), '/patient-birthPlace'))), '/valueAddress'))"/>
          <xsl:call-template name="place">
            <xsl:with-param name="element" select="'place'"/>
            <xsl:with-param name="address" select="$birthplace | key('at', concat(generate-id($location), '/address'))[not($birthplace)]"/>
            <xsl:with-param name="location" select="$location"/>
            <xsl:with-param name="kind" select="key('at', concat(generate-id($location), '/type'))[key('at', concat(generate-id(), '/coding/code')) != 'loc_birth']"/>
          </xsl:call-template>
        </xsl:otherwise>
      </xsl:choose>
    </event>
  </xsl:template>

  <!-- A place from an address and, where there is one, a Location. Degrees that cannot be are warned of and not taken. -->
  <xsl:template name="place">
    <xsl:param name="element"/>
    <xsl:param name="address" select="/.."/>
    <xsl:param name="location" select="/.."/>
    <xsl:param name="kind" select="/.."/>
    <xsl:if test="$address/* or $location">
      <xsl:element name="{$element}">
        <xsl:variable name="facility" select="key('at', concat(generate-id($location), '/identifier'))"/>
        <xsl:variable name="own" select="key('extension', concat(generate-id($facility), '/Extension-jurisdictional-facility-identifier'))"/>
        <xsl:copy-of select="kw:coded('country', 'country', kw:text(key('at', concat(generate-id($address), '/country'))), 'urn:iso:std:iso:3166')"/>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'localCode'"/><xsl:with-param name="value" select="key('at', concat(generate-id($own), '/valueString'))"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'facilityId'"/><xsl:with-param name="value" select="key('at', concat(generate-id($facility), '/value'))"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'facilityName'"/><xsl:with-param name="value" select="key('at', concat(generate-id($location), '/name'))"/></xsl:call-template>
        <xsl:variable name="code" select="string(key('at', concat(generate-id($kind), '/coding/code')))"/>
        <xsl:call-template name="translated">
          <xsl:with-param name="element" select="'type'"/>
          <xsl:with-param name="concept" select="$kind"/>
          <xsl:with-param name="code">
            <xsl:choose>
              <xsl:when test="$code = '16983000' or $code = 'HOSP' or $code = '450391000124102' or $code = '63238001'">hospital</xsl:when>
              <xsl:when test="$code = '440081000124100'">home</xsl:when>
              <xsl:when test="$code = '440071000124103' or $code = '450381000124100'">institution</xsl:when>
              <xsl:when test="$code = 'OTH'">other</xsl:when>
              <xsl:when test="$code = 'UNK'">unknown</xsl:when>
            </xsl:choose>
          </xsl:with-param>
        </xsl:call-template>
        <xsl:call-template name="address"><xsl:with-param name="element" select="'address'"/><xsl:with-param name="address" select="$address"/></xsl:call-template>
        <xsl:variable name="latitude" select="kw:text(key('at', concat(generate-id($location), '/position/latitude')))"/>
        <xsl:variable name="longitude" select="kw:text(key('at', concat(generate-id($location), '/position/longitude')))"/>
        <xsl:choose>
          <xsl:when test="concat($latitude, $longitude) = ''"/>
          <xsl:when test="$latitude &gt;= -90 and $latitude &lt;= 90 and $longitude &gt;= -180 and $longitude &lt;= 180 and string-length(substring-after($latitude, '.')) &lt; 8 and string-length(substring-after($longitude, '.')) &lt; 8">
            <latitude><xsl:value-of select="$latitude"/></latitude>
            <longitude><xsl:value-of select="$longitude"/></longitude>
          </xsl:when>
          <xsl:otherwise><xsl:value-of select="kw:warn('position-not-read', $element)"/></xsl:otherwise>
        </xsl:choose>
      </xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- == details == -->

  <xsl:template name="details">
    <xsl:for-each select="key('resource', concat(generate-id($document), '/Observation')) | key('resource', concat(generate-id($document), '/Procedure')) | key('resource', concat(generate-id($document), '/Condition'))">
      <xsl:variable name="code" select="kw:text(key('at', concat(generate-id(), '/code/coding/code')))"/>
      <xsl:variable name="category" select="kw:text(key('at', concat(generate-id(), '/category/coding/code')))"/>
      <xsl:if test="not(contains(concat($taken, $left), concat(' ', $code, ' ')) or contains(concat(' 73762-7 76060-3 76061-1', $left-categories), concat(' ', $category, ' ')))">
        <xsl:value-of select="kw:warn('not-mapped', 'Observation, Procedure or Condition')"/>
      </xsl:if>
    </xsl:for-each>
    <xsl:choose>
      <xsl:when test="$event = 'live_birth'"><liveBirth><xsl:call-template name="delivery"/></liveBirth></xsl:when>
      <xsl:when test="$event = 'foetal_death'"><foetalDeath><xsl:call-template name="delivery"/></foetalDeath></xsl:when>
      <xsl:otherwise><death><xsl:call-template name="death"/></death></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- A whole number from the Observation of this code, or nothing. -->
  <xsl:template name="count">
    <xsl:param name="element"/>
    <xsl:param name="loinc"/>
    <xsl:variable name="observation" select="key('observed', concat(generate-id($document), '/', $loinc))[1]"/>
    <xsl:variable name="value" select="kw:text(key('at', concat(generate-id($observation), '/valueInteger')) | key('at', concat(generate-id($observation), '/valueQuantity/value')))"/>
    <xsl:variable name="unit" select="kw:text(key('at', concat(generate-id($observation), '/valueQuantity/code')))"/>
    <xsl:choose>
      <xsl:when test="$value = ''"/>
      <xsl:when test="number($value) &gt;= 0 and number($value) &lt; 1000000 and floor(number($value)) = number($value) and ($unit = '' or $unit = 'g' or $unit = 'wk' or $unit = '{#}')">
        <xsl:element name="{$element}"><xsl:value-of select="number($value)"/></xsl:element>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="kw:warn('count-not-read', $element)"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="delivery">
    <xsl:variable name="multiple" select="kw:text(key('at', concat(generate-id($subject), '/multipleBirthBoolean')))"/>
    <xsl:variable name="order" select="kw:text(key('at', concat(generate-id($subject), '/multipleBirthInteger')))"/>
    <xsl:if test="$multiple = 'false'"><birthType>single</birthType></xsl:if>
    <xsl:if test="$multiple = 'true'"><birthType original="multipleBirth">unknown</birthType></xsl:if>
    <xsl:call-template name="count"><xsl:with-param name="element" select="'plurality'"/><xsl:with-param name="loinc" select="'57722-1'"/></xsl:call-template>
    <xsl:if test="number($order) &gt;= 0"><birthOrderInDelivery><xsl:value-of select="number($order)"/></birthOrderInDelivery></xsl:if>
    <xsl:call-template name="attendant"/>
    <xsl:variable name="route" select="(key('resource', concat(generate-id($document), '/Procedure')) | key('resource', concat(generate-id($document), '/Observation')))[key('at', concat(generate-id(), '/category/coding/code')) = '73762-7'][1]"/>
    <xsl:variable name="mode" select="string(key('at', concat(generate-id($route), '/code/coding/code')))"/>
    <xsl:call-template name="translated">
      <xsl:with-param name="element" select="'modeOfDelivery'"/>
      <xsl:with-param name="concept" select="key('at', concat(generate-id($route), '/code'))"/>
      <xsl:with-param name="code">
        <xsl:choose>
          <xsl:when test="$mode = '700000006'">spontaneous</xsl:when>
          <xsl:when test="$mode = '302383004' or $mode = '61586001'">instrumental</xsl:when>
          <xsl:when test="$mode = '11466000'">caesarean</xsl:when>
        </xsl:choose>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="count"><xsl:with-param name="element" select="'weightGrams'"/><xsl:with-param name="loinc" select="'8339-4'"/></xsl:call-template>
    <xsl:call-template name="count"><xsl:with-param name="element" select="'gestationalAgeWeeks'"/><xsl:with-param name="loinc" select="'11884-4'"/></xsl:call-template>
    <xsl:if test="$event = 'foetal_death'">
      <xsl:for-each select="key('resource', concat(generate-id($document), '/Condition'))[key('at', concat(generate-id(), '/category/coding/code')) = '76060-3' or key('at', concat(generate-id(), '/category/coding/code')) = '76061-1']">
        <xsl:variable name="category" select="string(key('at', concat(generate-id(), '/category/coding/code')))"/>
        <xsl:call-template name="cause">
          <xsl:with-param name="concept" select="key('at', concat(generate-id(), '/code'))"/>
          <xsl:with-param name="line"><xsl:choose><xsl:when test="$category = '76060-3'">foetal_main</xsl:when><xsl:otherwise>foetal_other</xsl:otherwise></xsl:choose></xsl:with-param>
        </xsl:call-template>
      </xsl:for-each>
      <xsl:call-template name="certification"/>
    </xsl:if>
    <xsl:call-template name="count"><xsl:with-param name="element" select="'childrenStillLiving'"/><xsl:with-param name="loinc" select="'11638-4'"/></xsl:call-template>
    <xsl:call-template name="date"><xsl:with-param name="element" select="'previousLiveBirth'"/><xsl:with-param name="of" select="key('observed', concat(generate-id($document), '/68499-8'))[1]"/><xsl:with-param name="name" select="'valueDateTime'"/></xsl:call-template>
    <xsl:call-template name="date"><xsl:with-param name="element" select="'lastMenstrualPeriod'"/><xsl:with-param name="of" select="key('observed', concat(generate-id($document), '/8665-2'))[1]"/><xsl:with-param name="name" select="'valueDateTime'"/></xsl:call-template>
    <xsl:call-template name="count"><xsl:with-param name="element" select="'prenatalVisits'"/><xsl:with-param name="loinc" select="'68493-6'"/></xsl:call-template>
  </xsl:template>

  <xsl:template name="attendant">
    <xsl:variable name="practitioner" select="key('resource', concat(generate-id($document), '/Practitioner'))[key('at', concat(generate-id(), '/extension/valueCode')) = 'attendant'][1]"/>
    <xsl:variable name="concept" select="key('at', concat(generate-id($practitioner), '/qualification/code'))"/>
    <xsl:variable name="code" select="string(key('at', concat(generate-id($concept), '/coding/code')))"/>
    <xsl:call-template name="translated">
      <xsl:with-param name="element" select="'attendant'"/>
      <xsl:with-param name="concept" select="$concept"/>
      <xsl:with-param name="code">
        <xsl:choose>
          <xsl:when test="$code = '112247003' or $code = '76231001'">physician</xsl:when>
          <xsl:when test="$code = '445521000124102'">nurse_midwife</xsl:when>
          <xsl:when test="$code = '445531000124104'">midwife</xsl:when>
          <xsl:when test="$code = 'OTH'">other</xsl:when>
          <xsl:when test="$code = 'UNK'">unknown</xsl:when>
        </xsl:choose>
      </xsl:with-param>
    </xsl:call-template>
  </xsl:template>

  <xsl:template name="cause">
    <xsl:param name="concept"/>
    <xsl:param name="line"/>
    <xsl:param name="interval"/>
    <xsl:variable name="code" select="kw:text(key('at', concat(generate-id($concept), '/coding/code')))"/>
    <xsl:variable name="text" select="kw:text(key('at', concat(generate-id($concept), '/text')))"/>
    <xsl:if test="concat($code, $text) != ''">
      <cause>
        <xsl:choose>
          <xsl:when test="$code != ''">
            <code><xsl:value-of select="$code"/></code>
            <xsl:copy-of select="kw:coded('system', 'cause-system', kw:text(key('at', concat(generate-id($concept), '/coding/system'))))"/>
          </xsl:when>
          <xsl:otherwise><system>text</system></xsl:otherwise>
        </xsl:choose>
        <xsl:if test="$text != ''"><text><xsl:value-of select="$text"/></text></xsl:if>
        <line><xsl:value-of select="$line"/></line>
        <xsl:if test="$interval != ''"><interval><xsl:value-of select="$interval"/></interval></xsl:if>
      </cause>
    </xsl:if>
  </xsl:template>

  <xsl:template name="death">
    <xsl:for-each select="key('observed', concat(generate-id($document), '/69453-9'))">
      <xsl:variable name="components" select="key('at', concat(generate-id(), '/component'))"/>
      <xsl:variable name="interval" select="$components[key('at', concat(generate-id(), '/code/coding/code')) = '69440-6']"/>
      <xsl:variable name="stated" select="string(key('at', concat(generate-id($components[key('at', concat(generate-id(), '/code/coding/code')) = 'lineNumber']), '/valueInteger')))"/>
      <xsl:variable name="place" select="position()"/>
      <xsl:variable name="number"><xsl:choose><xsl:when test="$stated != ''"><xsl:value-of select="$stated"/></xsl:when><xsl:otherwise><xsl:value-of select="$place"/></xsl:otherwise></xsl:choose></xsl:variable>
      <xsl:call-template name="cause">
        <xsl:with-param name="concept" select="key('at', concat(generate-id(), '/valueCodeableConcept'))"/>
        <xsl:with-param name="line">
          <xsl:choose>
            <xsl:when test="$number = 1">i_a</xsl:when>
            <xsl:when test="$number = 2">i_b</xsl:when>
            <xsl:when test="$number = 3">i_c</xsl:when>
            <xsl:when test="$number = 4">i_d</xsl:when>
            <xsl:otherwise>unknown</xsl:otherwise>
          </xsl:choose>
        </xsl:with-param>
        <xsl:with-param name="interval" select="kw:text(key('at', concat(generate-id($interval), '/valueString')) | key('at', concat(generate-id($interval), '/valueCodeableConcept/text')))"/>
      </xsl:call-template>
    </xsl:for-each>
    <xsl:for-each select="key('observed', concat(generate-id($document), '/69441-4'))">
      <xsl:call-template name="cause"><xsl:with-param name="concept" select="key('at', concat(generate-id(), '/valueCodeableConcept'))"/><xsl:with-param name="line" select="'ii'"/></xsl:call-template>
    </xsl:for-each>
    <xsl:call-template name="certification"/>
    <xsl:variable name="manner" select="key('at', concat(generate-id(key('observed', concat(generate-id($document), '/69449-7'))), '/valueCodeableConcept'))"/>
    <xsl:variable name="manner-code" select="string(key('at', concat(generate-id($manner), '/coding/code')))"/>
    <xsl:call-template name="translated">
      <xsl:with-param name="element" select="'mannerOfDeath'"/>
      <xsl:with-param name="concept" select="$manner"/>
      <xsl:with-param name="code">
        <xsl:choose>
          <xsl:when test="$manner-code = '38605008'">natural</xsl:when>
          <xsl:when test="$manner-code = '7878000'">accident</xsl:when>
          <xsl:when test="$manner-code = '44301001'">suicide</xsl:when>
          <xsl:when test="$manner-code = '27935005'">homicide</xsl:when>
          <xsl:when test="$manner-code = '185973002'">pending</xsl:when>
          <xsl:when test="$manner-code = '65037004'">undetermined</xsl:when>
        </xsl:choose>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:variable name="pregnancy" select="key('at', concat(generate-id(key('observed', concat(generate-id($document), '/69442-2'))), '/valueCodeableConcept'))"/>
    <xsl:variable name="pregnancy-code" select="string(key('at', concat(generate-id($pregnancy), '/coding/code')))"/>
    <xsl:call-template name="translated">
      <xsl:with-param name="element" select="'pregnancyRelated'"/>
      <xsl:with-param name="concept" select="$pregnancy"/>
      <xsl:with-param name="code">
        <xsl:choose>
          <xsl:when test="$pregnancy-code = '1'">not_pregnant</xsl:when>
          <xsl:when test="$pregnancy-code = '2'">pregnant</xsl:when>
          <xsl:when test="$pregnancy-code = '3'">within_42_days</xsl:when>
          <xsl:when test="$pregnancy-code = '4'">within_one_year</xsl:when>
          <xsl:when test="$pregnancy-code = 'NA'">not_applicable</xsl:when>
          <xsl:when test="$pregnancy-code = '9' or $pregnancy-code = 'UNK'">unknown</xsl:when>
        </xsl:choose>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:variable name="disposal" select="key('at', concat(generate-id(key('observed', concat(generate-id($document), '/80905-3'))), '/valueCodeableConcept'))"/>
    <xsl:call-template name="text"><xsl:with-param name="element" select="'disposal'"/><xsl:with-param name="value" select="key('at', concat(generate-id($disposal), '/text')) | key('at', concat(generate-id($disposal), '/coding/display'))"/></xsl:call-template>
  </xsl:template>

  <xsl:template name="certification">
    <xsl:variable name="procedure" select="key('observed', concat(generate-id($document), '/308646001'))[1]"/>
    <xsl:variable name="function" select="key('at', concat(generate-id($procedure), '/performer/function'))"/>
    <xsl:variable name="code" select="string(key('at', concat(generate-id($function), '/coding/code')))"/>
    <xsl:variable name="autopsy" select="string(key('at', concat(generate-id(key('observed', concat(generate-id($document), '/85699-7'))), '/valueCodeableConcept/coding/code')))"/>
    <xsl:variable name="used" select="string(key('at', concat(generate-id(key('observed', concat(generate-id($document), '/74498-7'))), '/valueCodeableConcept/coding/code')))"/>
    <xsl:if test="$procedure or $autopsy != '' or $used != ''">
      <certification>
        <xsl:choose>
          <xsl:when test="starts-with($code, '4346')"><type>medically_certified</type></xsl:when>
          <xsl:when test="$code = '310193003' or $code = '440051000124108'"><type>coroner</type></xsl:when>
        </xsl:choose>
        <xsl:call-template name="translated">
          <xsl:with-param name="element" select="'certifier'"/>
          <xsl:with-param name="concept" select="$function"/>
          <xsl:with-param name="code">
            <xsl:choose>
              <xsl:when test="$code = '434641000124105'">attending_physician</xsl:when>
              <xsl:when test="$code = '434651000124107'">other_physician</xsl:when>
              <xsl:when test="$code = '310193003'">coroner</xsl:when>
              <xsl:when test="$code = '440051000124108'">medical_examiner</xsl:when>
              <xsl:when test="$code = 'OTH'">other</xsl:when>
            </xsl:choose>
          </xsl:with-param>
        </xsl:call-template>
        <xsl:choose>
          <xsl:when test="$autopsy = 'Y' or $autopsy = '398166005'"><autopsy>true</autopsy></xsl:when>
          <xsl:when test="$autopsy = 'N' or $autopsy = '262008008'"><autopsy>false</autopsy></xsl:when>
        </xsl:choose>
        <xsl:if test="$used = 'Y'"><autopsyUsed>true</autopsyUsed></xsl:if>
        <xsl:if test="$used = 'N'"><autopsyUsed>false</autopsyUsed></xsl:if>
        <xsl:call-template name="date"><xsl:with-param name="element" select="'date'"/><xsl:with-param name="of" select="$procedure"/><xsl:with-param name="name" select="'performedDateTime'"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="value" select="key('at', concat(generate-id($procedure), '/identifier/value'))"/></xsl:call-template>
      </certification>
    </xsl:if>
  </xsl:template>

  <!-- == other records == -->

  <!-- Id of the certificate that an Observation names; nothing unless year, jurisdiction and number are all there. -->
  <xsl:template name="named-certificate">
    <xsl:variable name="components" select="key('at', concat(generate-id(), '/component'))"/>
    <xsl:variable name="year" select="substring(key('at', concat(generate-id($components[key('at', concat(generate-id(), '/valueDateTime'))]), '/valueDateTime')), 1, 4)"/>
    <xsl:variable name="where" select="$components[key('at', concat(generate-id(), '/valueString'))]"/>
    <xsl:variable name="state" select="kw:text(key('at', concat(generate-id($where), '/valueString')))"/>
    <xsl:variable name="number" select="kw:text(key('at', concat(generate-id(), '/valueString')))"/>
    <xsl:choose>
      <xsl:when test="string-length($year) = 4 and $state != '' and $number != ''">
        <xsl:call-template name="certificate"><xsl:with-param name="year" select="$year"/><xsl:with-param name="place" select="$state"/><xsl:with-param name="number" select="$number"/></xsl:call-template>
      </xsl:when>
      <xsl:when test="$number != ''"><xsl:value-of select="kw:warn('certificate-not-complete', 'Observation')"/></xsl:when>
    </xsl:choose>
  </xsl:template>

  <!-- The codes of both birth identifiers are the wrong way round in the guide's own examples; the profile tells them apart. -->
  <xsl:variable name="birth-records" select="key('observed', concat(generate-id($document), '/childbirthrecordidentifier')) | key('observed', concat(generate-id($document), '/decedentbirthrecordidentifier'))"/>

  <xsl:template name="birth-record">
    <xsl:for-each select="$birth-records[not(contains(key('at', concat(generate-id(), '/meta/profile')), '-child'))][1]">
      <xsl:variable name="id"><xsl:call-template name="named-certificate"/></xsl:variable>
      <xsl:if test="$id != ''"><birthRecord><id><xsl:value-of select="$id"/></id></birthRecord></xsl:if>
    </xsl:for-each>
  </xsl:template>

  <xsl:template name="related-records">
    <xsl:for-each select="$birth-records[contains(key('at', concat(generate-id(), '/meta/profile')), '-child')]">
      <xsl:variable name="id"><xsl:call-template name="named-certificate"/></xsl:variable>
      <xsl:if test="$id != ''"><relatedRecord><relation original="birth-record-identifier-child">birth_record</relation><record><id><xsl:value-of select="$id"/></id></record></relatedRecord></xsl:if>
    </xsl:for-each>
    <xsl:for-each select="key('observed', concat(generate-id($document), '/fetaldeathrecordidentifier'))">
      <xsl:variable name="id"><xsl:call-template name="named-certificate"/></xsl:variable>
      <xsl:if test="$id != ''"><relatedRecord><relation original="fetal-death-record-identifier">other</relation><record><id><xsl:value-of select="$id"/></id></record></relatedRecord></xsl:if>
    </xsl:for-each>
  </xsl:template>
</xsl:stylesheet>
